import type * as OAuth4WebApi from 'oauth4webapi'
import type { Clock } from '../clock.ts'
import type { ConfidentialAuthentication } from '../http/client-authentication.ts'
import { toClientAuth } from '../http/client-authentication.ts'
import type { Fetch, FetchLimits } from '../http/limited-fetch.ts'
import { fetchIdempotent } from '../http/limited-fetch.ts'
import type { ExpectedToken } from './expected-token.ts'
import type { UnverifiedJwt } from './jwt.ts'
import { parseJwt, refused } from './jwt.ts'
import { parseStrictObject } from './strict-json.ts'

/** How the tokens of one issuer are introspected (RFC 7662). */
export interface IntrospectionSettings {
  readonly clientId: string
  readonly authentication: ConfidentialAuthentication
  /** Where it is given, the response must be a JWT signed with this algorithm (RFC 9701); a plain one is then refused. */
  readonly signedResponseAlgorithm: string | null
}

/** Where and how introspection requests are sent. */
export interface IntrospectionTarget {
  readonly expected: ExpectedToken
  readonly introspection: IntrospectionSettings
  /** The introspection endpoint; it may have to be discovered first. */
  readonly endpoint: () => Promise<string>
  /** Verifies the signature of a signed response with the keys of the issuer. */
  readonly verifySignature: (jwt: UnverifiedJwt) => unknown
  readonly fetch: Fetch
  readonly limits: FetchLimits
  readonly clock: Clock
}

/** The issuer answers, and refuses this one request. */
export class RequestRefusedError extends Error {
  constructor (cause: unknown) {
    super(`the issuer refuses the introspection request: ${(cause as Error).message}`, { cause })
    this.name = 'RequestRefusedError'
  }
}

/** A response that is not of the form that was agreed on. */
class ResponseFormError extends Error {
  constructor (message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'ResponseFormError'
  }
}

/** 400: the request is refused; 401: the authentication of this server is. */
const meaningfulStatuses = [200, 400, 401]

/**
 * Introspects a token.
 *
 * @returns the members of the response (RFC 7662 section 2.2), certainly of the issuer, about a token that is active or not
 * @throws InvalidTokenError when the issuer says that it does not introspect such tokens
 * @throws RequestRefusedError, FetchError and others: nothing is known of the token then
 */
export async function requestIntrospection (token: string, target: IntrospectionTarget): Promise<Readonly<Record<string, unknown>>> {
  // Loaded only where introspection is configured.
  const oauth = await import('oauth4webapi')
  const { expected: { issuer, clockToleranceSeconds }, introspection: { clientId, authentication, signedResponseAlgorithm }, clock } = target
  const endpoint = await target.endpoint()
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
      const { status, headers, text } = await fetchIdempotent(url, init, target.fetch, target.limits, meaningfulStatuses)
      headers.set('content-type', mediaTypeOf(headers))
      return new Response(text, { status, headers })
    },
    // Whether it may be http was checked with the options, or with the metadata.
    [oauth.allowInsecureRequests]: true
  })
  const members = response.status === 200 ? await readResponse(response.headers, await response.clone().text(), target) : null
  try {
    // It throws for every status but 200, and has the members as JSON.parse reads them, not as parseStrictObject does.
    await oauth.processIntrospectionResponse(server, client, response)
    return members!
  } catch (error) {
    if (isAboutTheToken(error, oauth)) {
      throw refused('token_inactive', { expected: 'a response with active: true or false', received: 'a response that does not accept the token' })
    }
    throw response.status === 400 ? new RequestRefusedError(error) : error
  }
}

/**
 * Two errors are about the token itself: a response whose `active` is not a boolean (RFC 7662 section 2.2: only `true` says
 * that it is valid), and the one that says that tokens of this kind are not introspected (RFC 7009 section 2.2.1).
 */
function isAboutTheToken (error: unknown, oauth: typeof OAuth4WebApi): boolean {
  if (error instanceof oauth.ResponseBodyError) return error.status === 400 && error.error === 'unsupported_token_type'
  if (!(error instanceof oauth.OperationProcessingError) || error.code !== oauth.INVALID_RESPONSE) return false
  // A JSON object, as readResponse has read one. The other causes are about the form of the response, and have no body.
  return (error.cause as { body?: unknown } | undefined)?.body !== undefined
}

/**
 * RFC 9701 section 5: where a signed response is agreed on, another is a downgrade; where none is, a signature would go
 * unchecked. The content is checked after this and by oauth4webapi, which knows what the response must be signed for.
 */
async function readResponse (headers: Headers, text: string, target: IntrospectionTarget): Promise<Readonly<Record<string, unknown>>> {
  const isSigned = headers.get('content-type') === 'application/token-introspection+jwt'
  const { signedResponseAlgorithm } = target.introspection
  if (isSigned !== (signedResponseAlgorithm !== null)) {
    throw new ResponseFormError(isSigned ? 'the response is signed, and signedResponseAlgorithm is not set' : 'the response is not signed')
  }
  try {
    if (!isSigned) return parseStrictObject(Buffer.from(text))
    const jwt = parseJwt(text, target.limits.maxBytes)
    if (jwt.header.alg !== signedResponseAlgorithm) throw new ResponseFormError('the response is signed with another algorithm')
    await target.verifySignature(jwt)
    return jwt.claims.token_introspection as Readonly<Record<string, unknown>>
  } catch (error) {
    throw new ResponseFormError(isSigned ? 'the response is not signed by the issuer' : 'the response is not a JSON object', error)
  }
}

/** RFC 9110 section 8.3.1: without case and parameters. `Headers` trims a value that is set. */
function mediaTypeOf (headers: Headers): string {
  return (headers.get('content-type') ?? '').split(';')[0]!.toLowerCase()
}
