import type { ClassifierRules } from '../client/classify.ts'
import { classify } from '../client/classify.ts'
import type { ProofOfPossession } from '../client/proof.ts'
import type { Session } from '../client/session.ts'
import type { TokenSet } from '../stores/token-store.ts'
import { valueOf } from './header-list.ts'
import type { InspectionLimits } from './inspection.ts'
import { inspect } from './inspection.ts'
import { renewalError } from './renewal-error.ts'
import type { UpstreamAnswer, UpstreamRequest, Upstreams } from './upstreams.ts'

export interface SessionCredential {
  readonly session: Pick<Session, 'token' | 'renew'>
  readonly proof?: ProofOfPossession
}

export interface ExchangeRules {
  readonly limits: InspectionLimits
  readonly classifier: ClassifierRules | undefined
}

/**
 * Asks an upstream with the token of a session. The whole budget of one request of a caller: two requests to the upstream, and one
 * renewal. Nothing below it retries, and nothing above it.
 *
 * @throws ForwardError
 */
export async function askWithSession (
  request: UpstreamRequest, { session, proof }: SessionCredential, upstreams: Upstreams, { limits, classifier }: ExchangeRules
): Promise<UpstreamAnswer> {
  const { signal } = request
  const url = `${request.address.origin}${request.target}`
  const send = async ({ accessToken, tokenType }: TokenSet): Promise<UpstreamAnswer> => {
    const headers = [...request.headers, 'authorization', `${tokenType} ${accessToken}`]
    if (proof !== undefined) headers.push('dpop', await proof.proofFor(request.method, url, accessToken))
    const answer = await upstreams.call({ ...request, headers })
    const nonce = valueOf(answer.headers, 'dpop-nonce')
    if (nonce !== null) proof?.sawNonce(url, nonce)
    return answer
  }

  const tokens = await orRenewalError(session.token())
  signal.throwIfAborted()
  const { answer, ...signs } = await inspect(await send(tokens), request.method, limits)
  const { kind } = classify(signs, classifier)
  if (kind !== 'dead_token' && (kind !== 'use_dpop_nonce' || proof === undefined)) return answer

  if (request.body.kind === 'passing') {
    // It cannot be sent again. The caller has it still, and finds a live token when it comes back.
    if (kind === 'dead_token') session.renew(tokens.accessToken).catch(() => {})
    return answer
  }
  answer.body.destroy()
  const renewed = kind === 'dead_token' ? await orRenewalError(session.renew(tokens.accessToken)) : tokens
  signal.throwIfAborted()
  return await send(renewed)
}

async function orRenewalError (tokens: Promise<TokenSet>): Promise<TokenSet> {
  try {
    return await tokens
  } catch (error) {
    throw renewalError(error)
  }
}
