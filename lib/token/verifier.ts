import type { RefusalDetail } from '../errors/detail.ts'
import { describeValue } from '../errors/detail.ts'
import type { RevocationStore } from '../stores/revocations/revocation-store.ts'
import type { AccessToken } from './access-token.ts'
import type { Issuer, Verified } from './issuer.ts'
import type { UnverifiedJwt } from './jwt.ts'
import { maxTokenLength, parseJwt, refused, tooLong } from './jwt.ts'
import type { Presentation } from './confirmation.ts'
import { checkNotRevoked } from './revocations.ts'
import type { TokenCache } from './token-cache.ts'
import { digestOf, digestOn, noteTokenOn } from './token-cache.ts'
import { askTokenRules } from './token-rules.ts'

/** Turns an access token of a request into one that can be believed, or throws. */
export interface AccessTokenVerifier {
  /**
   * Verifies an access token (RFC 9068 section 4). The answer comes without a promise where nothing has to be waited for:
   * the token is remembered, or the keys of its issuer are known, and no store or rule of the host answers with a promise.
   *
   * It does not check scopes: what a token may do is a matter of the route.
   *
   * @param presentation how the token was presented; without it the token counts as a plain bearer token, and one that is
   * bound to a key or certificate is refused (RFC 9449 section 7.2, RFC 8705 section 3)
   * @param connection stands for the connection of the request: the good token that it presented last is kept for it
   * @throws InvalidTokenError when the token is not acceptable
   * @throws InvalidProofError, NonceRequiredError when the DPoP proof is not acceptable
   * @throws UnavailableError when the check could not be completed
   */
  verify (token: string, presentation?: Presentation, connection?: object | null): AccessToken | Promise<AccessToken>
}

/**
 * Checks that the request which presents a verified token proves possession of the key or certificate that the token is
 * bound to. It returns nothing at once where nothing has to be waited for, and throws what {@link AccessTokenVerifier.verify}
 * throws for proofs.
 */
export type CheckPossession = (accessToken: AccessToken, digest: string, presentation: Presentation | undefined) => void | Promise<void>

/** A rule that a token breaks and that is not enforced yet. */
export interface RuleReport {
  readonly rule: string
  readonly accessToken: AccessToken
}

export interface VerifierParts {
  readonly route: TokenRouter
  /** `null` for none. */
  readonly cache: TokenCache | null
  /** `null` for none: a token is then valid until it expires. */
  readonly revocations: RevocationStore | null
  /** Is not asked about unbound tokens under the Bearer scheme, where a bearer token will do. */
  readonly checkPossession: CheckPossession
  /** Whether a token that is bound to nothing is refused under the Bearer scheme, too. */
  readonly requiresCertificates: boolean
  /** How long the store, or a rule of the host, may take to answer. */
  readonly lookupTimeoutMs: number
  /** Is told of tokens that are accepted though they break a rule, as it is not enforced yet. */
  readonly report: (report: RuleReport) => void
}

type MaybePromise<T> = T | Promise<T>

export function createVerifier ({ route, cache, revocations, checkPossession, requiresCertificates, lookupTimeoutMs, report }: VerifierParts): AccessTokenVerifier {
  const unlessRevoked = (accessToken: AccessToken, digest: string): MaybePromise<AccessToken> =>
    revocations === null ? accessToken : checkNotRevoked(accessToken, revocations, lookupTimeoutMs, () => cache?.forget(digest))

  const verifyNew = (token: string, digest: string): MaybePromise<AccessToken> => {
    const accept = ({ accessToken, validity, maxAgeMs }: Verified, brokenRules: readonly string[]): MaybePromise<AccessToken> => {
      for (const rule of brokenRules) report({ rule, accessToken })
      cache?.remember(digest, accessToken, validity, maxAgeMs, token.length)
      return unlessRevoked(accessToken, digest)
    }
    return chain(route(token), ({ issuer, jwt }: RoutedToken) => chain(issuer.verify(token, jwt), (verified: Verified) => {
      const { tokenRules } = issuer.expected
      if (tokenRules.length === 0) return accept(verified, verified.brokenRules)
      return askTokenRules(tokenRules, verified.accessToken, lookupTimeoutMs)
        .then(broken => accept(verified, [...verified.brokenRules, ...broken]))
    }))
  }

  return {
    verify (token, presentation, connection = null) {
      // Without a cache only a proof needs it.
      const digest = cache === null ? '' : digestOn(connection, token)
      const known = cache?.find(digest) ?? null
      if (known !== null) noteTokenOn(connection, token, digest)
      const verified = known === null ? verifyNew(token, digest) : unlessRevoked(known, digest)
      // Last: a proof is used up with a request that is accepted.
      return chain(verified, (accessToken: AccessToken) => {
        if (accessToken.confirmation === null && !requiresCertificates && isPlainBearer(presentation)) return accessToken
        const checked = checkPossession(accessToken, digest === '' ? digestOf(token) : digest, presentation)
        return checked === undefined ? accessToken : checked.then(() => accessToken)
      })
    }
  }
}

function isPlainBearer (presentation: Presentation | undefined): boolean {
  return presentation === undefined || (presentation.scheme === 'Bearer' && presentation.requirement !== 'required')
}

/** The next step, with a promise only where the step before made one. */
function chain<T extends object, R> (value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return 'then' in value ? value.then(next) : next(value)
}

/** The issuer of a token, before anything in it is believed. */
export interface RoutedToken {
  readonly issuer: Issuer
  /** `null` for a token that is not a JWT. */
  readonly jwt: UnverifiedJwt | null
}

/** Finds an issuer that is not in the list, by its identifier; `null` when it is not trusted. */
export type IssuerResolver = (issuer: string) => Promise<Issuer | null>

/**
 * Finds the issuer of a token. A JWT names it, and that issuer is trusted or the token is refused: an unknown issuer causes
 * no request (RFC 8725 section 3.10). Other tokens are routed by the prefix of an issuer's opaque tokens. A token is never
 * tried at a second issuer.
 *
 * It throws InvalidTokenError.
 */
export type TokenRouter = (token: string) => MaybePromise<RoutedToken>

/** Longer opaque tokens belong to no issuer, and are not worth a request (RFC 7662 section 4). */
const maxOpaqueLength = 4096

export function createTokenRouter (
  issuers: readonly Issuer[], resolve: IssuerResolver | null, maxLength: number = maxTokenLength
): TokenRouter {
  const byIdentifier = new Map(issuers.map(issuer => [issuer.expected.issuer, issuer]))
  // The longest prefix first: it is the most specific.
  const opaque = issuers.filter(issuer => issuer.opaquePrefix !== null)
    .sort((one, other) => other.opaquePrefix!.length - one.opaquePrefix!.length)

  const notAJwt = detailOfNoJwt(issuers)
  const issuerUnknown = (iss: unknown): Error => refused('issuer_unknown', {
    expected: `iss is ${[...byIdentifier.keys()].join(' or ')}${resolve === null ? '' : ', or known to resolveIssuer'}`,
    received: `iss is ${describeValue(iss)}`,
    ...fixForIssuer(iss, issuers)
  })
  const resolved = async (identifier: string, jwt: UnverifiedJwt): Promise<RoutedToken> => {
    const issuer = await resolve!(identifier)
    if (issuer === null) throw issuerUnknown(identifier)
    return { issuer, jwt }
  }

  return token => {
    if (token.length > maxLength) throw tooLong(token, maxLength)
    if (!isJwt(token)) {
      const issuer = opaque.find(one => token.startsWith(one.opaquePrefix!))
      if (issuer === undefined) throw isEncrypted(token) ? encrypted() : refused('token_malformed', notAJwt)
      if (token.length > maxOpaqueLength) throw tooLong(token, maxOpaqueLength)
      return { issuer, jwt: null }
    }
    const jwt = parseJwt(token, maxLength)
    const { iss } = jwt.claims
    const issuer = byIdentifier.get(iss as string)
    if (issuer !== undefined) return { issuer, jwt }
    if (resolve === null || typeof iss !== 'string') throw issuerUnknown(iss)
    return resolved(iss, jwt)
  }
}

/** By its form alone: three parts, the first of them the base64url of `{` after white space. */
function isJwt (token: string): boolean {
  if (partsOf(token) !== 3) return false
  // `ey` is the base64url of `{`.
  return token.startsWith('ey') || /^\s*\{/.test(Buffer.from(token.slice(0, token.indexOf('.')), 'base64url').toString('latin1'))
}

function partsOf (token: string): number {
  let parts = 1
  for (let dot = token.indexOf('.'); dot !== -1; dot = token.indexOf('.', dot + 1)) parts++
  return parts
}

/** A token can name any issuer: only an identifier that is known to be the same issuer's is suggested. */
function fixForIssuer (iss: unknown, issuers: readonly Issuer[]): { fix: string } | undefined {
  const fix = issuers.map(({ expected: { hints } }) => hints?.otherIdentifiers.get(iss as string)).find(one => one !== undefined)
  return fix === undefined ? undefined : { fix }
}

function isEncrypted (token: string): boolean {
  return partsOf(token) === 5 && token.startsWith('ey')
}

function encrypted (): Error {
  return refused('token_encrypted', {
    expected: 'a signed token',
    received: 'an encrypted token (JWE, RFC 7516): encrypted tokens are not supported',
    fix: 'have the authorization server sign its access tokens only. Auth0 encrypts a token that was requested without an audience'
  })
}

/** Made once: strangers send more of these than of anything else. */
function detailOfNoJwt (issuers: readonly Issuer[]): RefusalDetail {
  const hasOpaqueIssuers = issuers.some(({ opaquePrefix }) => opaquePrefix !== null)
  const options = issuers.flatMap(({ expected: { hints } }) => hints === undefined ? [] : [`${hints.option}.introspection`])
  return Object.freeze({
    expected: hasOpaqueIssuers ? 'a JWT, or a token with the opaquePrefix of an issuer or the prefix of customTokens' : 'a JWT',
    received: 'a token that is not a JWT',
    fix: 'request the token for this resource (parameter resource, RFC 8707, or audience of the authorization and the token request), so that the ' +
      `authorization server issues a JWT; if it issues opaque tokens only, set ${options.length === 1 ? options[0]! : 'introspection of its entry in authorizationServers'}`
  })
}
