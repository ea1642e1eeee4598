import type * as OAuth4WebApi from 'oauth4webapi'
import type { Clock } from '../clock.ts'
import { InvalidTokenError, UnavailableError, withoutStackTrace } from '../errors/errors.ts'
import type { Fetch, FetchLimits } from '../http/limited-fetch.ts'
import { fetchText } from '../http/limited-fetch.ts'
import { isLoopbackHost, parseIdentifier } from '../identifier.ts'
import type { ConfidentialAuthentication } from '../client/oauth/client-authentication.ts'
import { toClientAuth } from '../client/oauth/client-authentication.ts'
import type { Introspected } from './from-introspection.ts'
import { accessTokenFromIntrospection } from './from-introspection.ts'
import type { ExpectedToken } from './expected-token.ts'
import { parseJwt, refused } from './jwt.ts'
import type { UnverifiedJwt } from './jwt.ts'
import type { NegativeCache } from './negative-cache.ts'
import { digestOf } from './token-digest.ts'
import { parseStrictObject } from './strict-json.ts'

/** How the tokens of one issuer are introspected (RFC 7662). */
export interface IntrospectionSettings {
  readonly clientId: string
  readonly authentication: ConfidentialAuthentication
  /** Given, the answer must be a JWT signed with this algorithm (RFC 9701); a plain one is then refused. */
  readonly signedResponseAlgorithm: string | null
  /** Whether an answer without `aud` is believed, as the authorization server answers for this resource alone. */
  readonly allowMissingAudience: boolean
}

export interface IntrospectionSource {
  readonly rule: ExpectedToken
  readonly introspection: IntrospectionSettings
  /** Where to ask; it may have to be discovered first. */
  readonly endpoint: () => Promise<string>
  /** Checks the signature of a signed answer with the keys of the issuer. */
  readonly verifySignature: (jwt: UnverifiedJwt) => Promise<unknown>
  readonly refusedTokens: NegativeCache | null
  /** As many questions may be under way at the same time; strangers make up as many tokens as they like. */
  readonly maxConcurrent: number
  readonly fetch: Fetch
  readonly limits: FetchLimits
  readonly retryAfterMs: number
  readonly clock: Clock
}

export interface Introspector {
  /**
   * Asks the issuer about a token. Whoever asks about the same token while that is under way gets the same answer.
   *
   * @throws InvalidTokenError when the issuer does not vouch for it
   * @throws UnavailableError when it could not be asked
   */
  introspect (token: string): Promise<Introspected>
}

export function createIntrospector (source: IntrospectionSource): Introspector {
  const { refusedTokens, maxConcurrent, retryAfterMs, clock } = source
  const underWay = new Map<string, Promise<Introspected>>()
  let failure: { at: number, error: unknown } | null = null
  let answers = 0

  const ask = async (token: string, digest: string): Promise<Introspected> => {
    const answersBefore = answers
    try {
      const introspected = await introspectOnce(source, token)
      answers++
      return introspected
    } catch (error) {
      if (error instanceof InvalidTokenError) {
        answers++
        refusedTokens?.remember(digest)
        throw error
      }
      // Whoever finds a token that an issuer stumbles over must not be able to keep everybody else's from being asked about.
      const isDown = answers === answersBefore && !(error instanceof QuestionRefusedError)
      if (isDown) failure = { at: clock.now(), error }
      throw unavailable(retryAfterMs, error)
    }
  }

  return {
    async introspect (token) {
      const digest = digestOf(token)
      if (refusedTokens?.has(digest) === true) throw refused('token_inactive')
      const same = underWay.get(digest)
      if (same !== undefined) return await same
      // An issuer that is down is not asked again by everyone who comes.
      if (failure !== null && clock.now() < failure.at + retryAfterMs) throw unavailable(retryAfterMs, failure.error)
      if (underWay.size >= maxConcurrent) throw unavailable(retryAfterMs, new TooManyQuestionsError(maxConcurrent))
      const answer = ask(token, digest).finally(() => { underWay.delete(digest) })
      underWay.set(digest, answer)
      return await answer
    }
  }
}

/** An answer that is not in the form that was agreed on. */
class AnswerFormError extends Error {
  constructor (message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'AnswerFormError'
  }
}

/** The issuer may be fine; it was not asked. */
class TooManyQuestionsError extends Error {
  constructor (most: number) {
    super(`${most} questions are under way, and may not be more`)
    this.name = 'TooManyQuestionsError'
  }
}

/** The issuer is there, and does not answer this one question. */
class QuestionRefusedError extends Error {
  constructor (cause: unknown) {
    super('the issuer does not answer the question', { cause })
    this.name = 'QuestionRefusedError'
  }
}

function unavailable (retryAfterMs: number, cause: unknown): UnavailableError {
  const seconds = Math.max(1, Math.ceil(retryAfterMs / 1000))
  return withoutStackTrace(() => new UnavailableError('introspection_unavailable', seconds, cause))
}

async function introspectOnce (source: IntrospectionSource, token: string): Promise<Introspected> {
  const answer = await answerAbout(token, source)
  // What the authorization server says of a token is held against the same rules as what a token says of itself.
  return accessTokenFromIntrospection(answer, source.rule, source.introspection.allowMissingAudience, source.clock.now() / 1000)
}

/** 400: the question is refused; 401: we are not who we should be. */
const meaningfulStatuses = [200, 400, 401]

/** The members of the answer (RFC 7662 section 2.2), from the issuer without doubt, about a token that is active or not. */
async function answerAbout (token: string, source: IntrospectionSource): Promise<Readonly<Record<string, unknown>>> {
  // Loaded by those alone who introspect.
  const oauth = await import('oauth4webapi')
  const { rule: { issuer, clockToleranceSeconds }, introspection: { clientId, authentication, signedResponseAlgorithm }, clock } = source
  const endpoint = await source.endpoint()
  const server = { issuer, introspection_endpoint: endpoint }
  const client: OAuth4WebApi.Client = {
    client_id: clientId,
    [oauth.clockSkew]: Math.round((clock.now() - Date.now()) / 1000),
    [oauth.clockTolerance]: clockToleranceSeconds
  }
  if (signedResponseAlgorithm !== null) client.introspection_signed_response_alg = signedResponseAlgorithm

  const response = await oauth.introspectionRequest(server, client, toClientAuth(oauth, authentication), token, {
    additionalParameters: { token_type_hint: 'access_token' },
    [oauth.customFetch]: async (url: string, init: RequestInit) => {
      const { status, headers, text } = await fetchText(url, init, source.fetch, source.limits, meaningfulStatuses)
      headers.set('content-type', mediaTypeOf(headers))
      return new Response(text, { status, headers })
    },
    [oauth.allowInsecureRequests]: isLoopbackHost(parseIdentifier(endpoint).host)
  })
  if (response.status === 200) await checkForm(response.headers, await response.clone().text(), source)
  try {
    return await oauth.processIntrospectionResponse(server, client, response)
  } catch (error) {
    if (isAboutTheToken(error, oauth)) throw refused('token_inactive')
    throw response.status === 400 ? new QuestionRefusedError(error) : error
  }
}

/**
 * Of the token itself speak two errors: an answer whose `active` is no boolean (RFC 7662 section 2.2: only `true` says
 * that it is good), and the one that tells that tokens of this kind are not introspected (RFC 7009 section 2.2.1).
 */
function isAboutTheToken (error: unknown, oauth: typeof OAuth4WebApi): boolean {
  if (error instanceof oauth.ResponseBodyError) return error.status === 400 && error.error === 'unsupported_token_type'
  if (!(error instanceof oauth.OperationProcessingError) || error.code !== oauth.INVALID_RESPONSE) return false
  const body = (error.cause as { body?: unknown } | undefined)?.body
  return typeof body === 'object' && body !== null
}

/**
 * RFC 9701 section 5: where a signed answer is agreed on, another is a downgrade; where none is, a signature would go
 * unchecked. What the answer says is read after this and by oauth4webapi, which checks what it was signed for.
 */
async function checkForm (headers: Headers, text: string, source: IntrospectionSource): Promise<void> {
  const isSigned = headers.get('content-type') === 'application/token-introspection+jwt'
  const { signedResponseAlgorithm } = source.introspection
  if (isSigned !== (signedResponseAlgorithm !== null)) {
    throw new AnswerFormError(isSigned ? 'a signed answer was not asked for' : 'the answer is not signed')
  }
  try {
    if (!isSigned) {
      parseStrictObject(Buffer.from(text))
      return
    }
    const jwt = parseJwt(text, source.limits.maxBytes)
    if (jwt.header.alg !== signedResponseAlgorithm) throw new AnswerFormError('it is signed with another algorithm')
    await source.verifySignature(jwt)
  } catch (error) {
    throw new AnswerFormError(isSigned ? 'the answer is not signed by the issuer' : 'the answer is no JSON object', error)
  }
}

/** RFC 9110 section 8.3.1: without case and parameters. */
function mediaTypeOf (headers: Headers): string {
  return (headers.get('content-type') ?? '').split(';')[0]!.trim().toLowerCase()
}
