import type { AnswerKind } from '../errors/client-errors.ts'
import type { ClassifierSettings } from '../client/fetch/classify.ts'
import { classify, classifyChallenge } from '../client/fetch/classify.ts'
import { SessionError } from '../errors/client-errors.ts'
import type { ProofOfPossession } from '../client/oauth/dpop.ts'
import type { Session } from '../client/session/session.ts'
import type { Clock } from '../clock.ts'
import type { TokenSet } from '../stores/tokens/token-store.ts'
import { ForwardError } from '../errors/forward-errors.ts'
import { valueOf } from './header-list.ts'
import type { InspectionLimits } from './inspection.ts'
import { headersOf, inspect } from './inspection.ts'
import type { UpstreamAnswer, UpstreamRequest, Upstreams } from './upstreams.ts'

/** The slice of a session that it takes to use its tokens. */
export type ForwardSession = Pick<Session, 'refreshes' | 'token' | 'refresh' | 'refuse'>

export interface SessionCredential {
  readonly session: ForwardSession
  readonly proof?: ProofOfPossession
}

export interface ExchangeRules {
  readonly limits: InspectionLimits
  readonly classifier: ClassifierSettings | undefined
  readonly clock: Clock
}

/**
 * Asks an upstream with the token of a session. The budget of one request of a caller is spent here and nowhere else: two
 * requests to the upstream, and one renewal. A token that was renewed for this very request before it was sent has spent it.
 *
 * @returns the last answer, its body not read
 * @throws ForwardError, or the reason of the signal
 */
export async function askWithSession (
  request: UpstreamRequest, { session, proof }: SessionCredential, upstreams: Upstreams, { limits, classifier, clock }: ExchangeRules
): Promise<UpstreamAnswer> {
  const { method, body, signal } = request
  const url = `${request.address.origin}${request.target}`

  const send = async ({ accessToken, tokenType }: TokenSet): Promise<UpstreamAnswer> => {
    if (tokenType === 'DPoP' && proof === undefined) throw credentialError(new SessionError('FST_OAUTH_SESSION_PROOF_MISSING'), clock)
    const headers = [...request.headers, 'authorization', `${tokenType} ${accessToken}`]
    if (proof !== undefined && tokenType === 'DPoP') headers.push('dpop', await proof.proofFor(method, url, accessToken))
    const answer = await upstreams.call({ ...request, headers })
    const nonce = valueOf(answer.headers, 'dpop-nonce')
    if (nonce !== null) proof?.sawNonce(url, nonce)
    return answer
  }
  const tokensOf = async (asked: Promise<TokenSet>): Promise<TokenSet> => {
    const tokens = await asked.catch((error: unknown) => { throw credentialError(error, clock) })
    signal.throwIfAborted()
    return tokens
  }

  const before = session.refreshes
  const tokens = await tokensOf(session.token())
  const wasRenewed = session.refreshes !== before

  const { answer, kind } = await judge(await send(tokens), method, limits, classifier)
  const isRepeatable = body.kind !== 'passing'
  let next: TokenSet
  if (kind === 'invalid_token' && wasRenewed) {
    // Another one that is there costs no second renewal.
    const current = session.refuse(tokens.accessToken)
    if (current === null || !isRepeatable) return answer
    answer.body.destroy()
    next = current
  } else if (kind === 'invalid_token' && !isRepeatable) {
    // The caller gets this answer; whoever comes next finds a token that is alive.
    session.refresh(tokens.accessToken).catch(() => {})
    return answer
  } else if (kind === 'invalid_token') {
    answer.body.destroy()
    next = await tokensOf(session.refresh(tokens.accessToken))
  } else if (kind === 'use_dpop_nonce' && proof !== undefined && isRepeatable) {
    answer.body.destroy()
    next = tokens
  } else {
    return answer
  }

  const second = await judge(await send(next), method, limits, classifier)
  if (second.kind === 'invalid_token') session.refuse(next.accessToken)
  return second.answer
}

/** A challenge that says enough saves the reading of the body. */
async function judge (
  answer: UpstreamAnswer, method: string, limits: InspectionLimits, classifier: ClassifierSettings | undefined
): Promise<{ answer: UpstreamAnswer, kind: AnswerKind }> {
  const byChallenge = classifyChallenge({ status: answer.status, headers: headersOf(answer) })
  if (byChallenge !== null) return { answer, kind: byChallenge.kind }
  const { answer: unread, ...signs } = await inspect(answer, method, limits)
  return { answer: unread, kind: classify(signs, classifier).kind }
}

/** Who asked has done nothing wrong: whatever keeps a session from giving a token is told apart from a 401. */
function credentialError (cause: unknown, clock: Clock): ForwardError {
  if (!(cause instanceof SessionError)) return new ForwardError('FST_OAUTH_FORWARD_RENEWAL_FAILED', { cause })
  if (cause.needsAuthorization) return new ForwardError('FST_OAUTH_FORWARD_SESSION_OVER', { cause })
  if (cause.code === 'FST_OAUTH_SESSION_TOKEN_REJECTED' || cause.code === 'FST_OAUTH_SESSION_PROOF_MISSING') return new ForwardError('FST_OAUTH_FORWARD_CREDENTIAL_REFUSED', { cause })
  const retryAfterSeconds = cause.retryAt === null ? 5 : Math.max(1, Math.ceil((cause.retryAt - clock.now()) / 1000))
  return new ForwardError('FST_OAUTH_FORWARD_RENEWAL_FAILED', { cause, retryAfterSeconds })
}
