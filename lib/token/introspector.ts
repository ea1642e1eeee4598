import { createHash } from 'node:crypto'
import type { Client } from 'oauth4webapi'
import type { Clock } from '../clock.ts'
import { InvalidTokenError, UnavailableError, withoutStackTrace } from '../errors.ts'
import type { Fetch, FetchLimits } from '../http/limited-fetch.ts'
import { fetchText } from '../http/limited-fetch.ts'
import { isLoopbackHost, parseIdentifier } from '../metadata/identifier.ts'
import type { ClientAuthentication } from './client-authentication.ts'
import { clientAuthOf } from './client-authentication.ts'
import type { Introspected } from './from-introspection.ts'
import { accessTokenFromIntrospection } from './from-introspection.ts'
import type { IssuerRule } from './issuer-rule.ts'
import { parseJwt, refused } from './jwt.ts'
import type { UnverifiedJwt } from './jwt.ts'
import type { NegativeCache } from './negative-cache.ts'

/** How the tokens of one issuer are introspected (RFC 7662). */
export interface IntrospectionRule {
  readonly clientId: string
  readonly authentication: ClientAuthentication
  /** Given, the answer must be a JWT signed with this algorithm (RFC 9701); a plain one is then refused. */
  readonly signedResponseAlgorithm: string | null
  /** Whether an answer without `aud` is believed, as the authorization server answers for this resource alone. */
  readonly allowMissingAudience: boolean
}

export interface IntrospectionSource {
  readonly rule: IssuerRule
  readonly introspection: IntrospectionRule
  /** Where to ask; it may have to be discovered first. */
  readonly endpoint: () => Promise<string | null>
  /** Checks the signature of a signed answer with the keys of the issuer. */
  readonly verifySignature: (jwt: UnverifiedJwt) => Promise<unknown>
  readonly refusedTokens: NegativeCache | null
  readonly fetch: Fetch
  readonly limits: FetchLimits
  readonly retryAfterMs: number
  readonly clock: Clock
}

type OAuth4WebApi = typeof import('oauth4webapi')

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
  const { refusedTokens, retryAfterMs, clock } = source
  const underWay = new Map<string, Promise<Introspected>>()
  let failedAt = -Infinity

  const ask = async (token: string, digest: string): Promise<Introspected> => {
    try {
      return await introspectOnce(source, token)
    } catch (error) {
      if (error instanceof InvalidTokenError) {
        refusedTokens?.remember(digest)
        throw error
      }
      failedAt = clock.now()
      throw unavailable(retryAfterMs, error)
    }
  }

  return {
    async introspect (token) {
      const digest = createHash('sha256').update(token).digest('base64')
      if (refusedTokens?.has(digest) === true) throw refused('token_inactive')
      const same = underWay.get(digest)
      if (same !== undefined) return await same
      // An issuer that is down is not asked again by everyone who comes.
      if (clock.now() < failedAt + retryAfterMs) throw unavailable(retryAfterMs, null)
      const answer = ask(token, digest).finally(() => { underWay.delete(digest) })
      underWay.set(digest, answer)
      return await answer
    }
  }
}

/** An issuer that gave no answer, or not in the form that was agreed on. */
class IntrospectionAnswerError extends Error {
  constructor (message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'IntrospectionAnswerError'
  }
}

/**
 * Whether an error is about asking, and not about the token. Of the token speak two: an answer whose `active` is not the
 * boolean true, and the error that tells that tokens of this kind are not introspected (RFC 7009 section 2.2.1).
 */
function saysNothingOfTheToken (error: unknown, oauth: OAuth4WebApi): boolean {
  if (error instanceof oauth.ResponseBodyError) return error.error !== 'unsupported_token_type'
  if (!(error instanceof oauth.OperationProcessingError) || error.code !== oauth.INVALID_RESPONSE) return true
  const { body } = (error.cause ?? {}) as { body?: unknown }
  return typeof body !== 'object' || body === null || Array.isArray(body)
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

/** 400: this kind of token is not introspected; 401: we are not who we should be. */
const meaningfulStatuses = [200, 400, 401]

/** The members of the answer (RFC 7662 section 2.2), from the issuer without doubt, about a token that is active or not. */
async function answerAbout (token: string, source: IntrospectionSource): Promise<Readonly<Record<string, unknown>>> {
  // Loaded by those alone who introspect.
  const oauth = await import('oauth4webapi')
  const { rule: { issuer }, introspection: { clientId, authentication, signedResponseAlgorithm } } = source
  const endpoint = await source.endpoint()
  if (endpoint === null) throw new IntrospectionAnswerError('the issuer has no introspection endpoint')
  const server = { issuer, introspection_endpoint: endpoint }
  const client: Client = { client_id: clientId }
  if (signedResponseAlgorithm !== null) client.introspection_signed_response_alg = signedResponseAlgorithm

  const response = await oauth.introspectionRequest(server, client, clientAuthOf(oauth, authentication), token, {
    additionalParameters: { token_type_hint: 'access_token' },
    [oauth.customFetch]: async (url: string, init: RequestInit) => {
      const { status, headers, text } = await fetchText(url, init, source.fetch, source.limits, meaningfulStatuses)
      return new Response(text, { status, headers })
    },
    [oauth.allowInsecureRequests]: isLoopbackHost(parseIdentifier(endpoint).host)
  })
  const text = await response.clone().text()
  try {
    const answer = await oauth.processIntrospectionResponse(server, client, response)
    await checkForm(response, text, source)
    return answer
  } catch (error) {
    if (saysNothingOfTheToken(error, oauth)) throw error
    throw refused('token_inactive')
  }
}

/** RFC 9701 section 5: where a signed answer is agreed on, another is a downgrade; where none is, a signature would go unchecked. */
async function checkForm (response: Response, text: string, source: IntrospectionSource): Promise<void> {
  const isSigned = response.headers.get('content-type')?.startsWith('application/token-introspection+jwt') === true
  if (isSigned !== (source.introspection.signedResponseAlgorithm !== null)) {
    throw new IntrospectionAnswerError(isSigned ? 'a signed answer was not asked for' : 'the answer is not signed')
  }
  if (!isSigned) return
  try {
    await source.verifySignature(parseJwt(text))
  } catch (error) {
    throw new IntrospectionAnswerError('the signature of the answer is not the issuer\'s', error)
  }
}
