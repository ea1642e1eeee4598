import type { Readable } from 'node:stream'
import type { AttemptSession, ClassifiedAnswer } from '../client/fetch/attempt.ts'
import { attempt } from '../client/fetch/attempt.ts'
import type { ClassifierSettings } from '../client/fetch/classify.ts'
import { classifyBody, classifyChallenge } from '../client/fetch/classify.ts'
import type { ProofOfPossession } from '../client/oauth/dpop.ts'
import type { Clock } from '../clock.ts'
import { SessionError } from '../errors/client-errors.ts'
import { ForwardError } from '../errors/forward-errors.ts'
import type { TokenSet } from '../stores/tokens/token-store.ts'
import { valueOf } from './header-list.ts'
import type { InspectionLimits } from './inspection.ts'
import { headersOf, inspect, isReadable } from './inspection.ts'
import type { UpstreamAnswer, UpstreamRequest, Upstreams } from './upstreams.ts'
import { discard } from './upstreams.ts'

export interface SessionCredential {
  readonly session: AttemptSession
  readonly proof?: ProofOfPossession
}

export interface ExchangeSettings {
  readonly limits: InspectionLimits
  readonly classifier: ClassifierSettings | undefined
  readonly clock: Clock
}

/** `Retry-After` when an upstream rejected a new token. The session makes no other token request before that. */
const rejectedRetrySeconds = 30

/**
 * Sends a request to an upstream with the token of a session. One request of a caller causes at most two requests to the
 * upstream and one refresh. A refresh before the first request counts; a repetition for a DPoP nonce (RFC 9449) does not.
 *
 * @returns the last answer, its body not read
 * @throws ForwardError, or the reason of the signal
 */
export async function sendWithSession (
  request: UpstreamRequest, { session, proof }: SessionCredential, upstreams: Upstreams, { limits, classifier, clock }: ExchangeSettings
): Promise<UpstreamAnswer> {
  const { method, body, signal } = request
  const isRepeatable = body.kind !== 'passing'

  const send = async (tokens: TokenSet | null): Promise<UpstreamAnswer> => {
    signal.throwIfAborted()
    const { accessToken, tokenType } = tokens!
    const headers = [...request.headers, 'authorization', `${tokenType} ${accessToken}`]
    if (tokenType !== 'DPoP') return await upstreams.call({ ...request, headers })
    if (proof === undefined) throw new SessionError('FST_OAUTH_SESSION_PROOF_MISSING')
    const url = `${request.address.origin}${request.target}`
    headers.push('dpop', await proof.proofFor(method, url, accessToken))
    const answer = await upstreams.call({ ...request, headers })
    const nonce = valueOf(answer.headers, 'dpop-nonce')
    if (nonce !== null) proof.sawNonce(url, nonce)
    return answer
  }

  const { answer, classification, failure } = await attempt<UpstreamAnswer>({
    session,
    canProve: proof !== undefined,
    // The plugin itself stops waiting when the caller closes the connection.
    signal: null,
    anonymous: false,
    repeats: 1,
    authorization: null,
    send,
    classify: received => classifyAnswer(received, method, limits, classifier),
    mayRepeat: () => isRepeatable,
    discard
  }).catch((error: unknown) => {
    throw signal.aborted || error instanceof ForwardError ? error : credentialError(error, clock)
  })
  if (failure !== null) {
    discard(answer)
    signal.throwIfAborted()
    throw credentialError(failure.error, clock)
  }
  if (answer.status !== 401) return answer
  // Not passed on: the caller would take a 401 to be about its own credentials.
  discard(answer)
  throw classification.kind === 'invalid_token' && !isRepeatable
    ? new ForwardError('FST_OAUTH_FORWARD_NOT_REPEATED', { retryAfterSeconds: 1 })
    : new ForwardError('FST_OAUTH_FORWARD_CREDENTIAL_REFUSED', { retryAfterSeconds: rejectedRetrySeconds })
}

const ok: ClassifiedAnswer<never>['classification'] = { kind: 'ok' }

/** Reads the body only when the challenges do not decide. */
function classifyAnswer (
  answer: UpstreamAnswer, method: string, limits: InspectionLimits, classifier: ClassifierSettings | undefined
): ClassifiedAnswer<UpstreamAnswer> | Promise<ClassifiedAnswer<UpstreamAnswer>> {
  const { status } = answer
  if (status < 400 && !isReadable(answer, method, limits.maxBytes)) return { answer, classification: ok }
  const headers = headersOf(answer)
  const byChallenge = classifyChallenge({ status, headers })
  if (byChallenge !== null) return { answer, classification: byChallenge }
  // As it came from the upstream: each answer is classified once.
  return inspect(answer as UpstreamAnswer<Readable>, method, limits).then(({ answer: unread, body, text }) => ({
    answer: unread, classification: classifyBody({ status, headers, body, text }, classifier)
  }))
}

/** The error for the caller when the session has no token. Never a 401, as the caller's own credentials are valid. */
function credentialError (cause: unknown, clock: Clock): ForwardError {
  if (!(cause instanceof SessionError)) return new ForwardError('FST_OAUTH_FORWARD_REFRESH_FAILED', { cause })
  if (cause.needsAuthorization) return new ForwardError('FST_OAUTH_FORWARD_SESSION_OVER', { cause })
  if (cause.code === 'FST_OAUTH_SESSION_PROOF_MISSING') return new ForwardError('FST_OAUTH_FORWARD_CREDENTIAL_REFUSED', { cause })
  const seconds = cause.retryAt === null ? 5 : Math.max(1, Math.ceil((cause.retryAt - clock.now()) / 1000))
  const isRejected = cause.code === 'FST_OAUTH_SESSION_TOKEN_REJECTED'
  return new ForwardError(isRejected ? 'FST_OAUTH_FORWARD_CREDENTIAL_REFUSED' : 'FST_OAUTH_FORWARD_REFRESH_FAILED', { cause, retryAfterSeconds: seconds })
}
