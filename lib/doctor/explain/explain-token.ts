import type { OAuthResourceServerOptions } from '../../config/options.ts'
import type { OAuthConfig } from '../../config/resolve.ts'
import { resolveConfig } from '../../config/resolve.ts'
import { describeError } from '../../errors/detail.ts'
import type { ErrorCode } from '../../errors/error-table.ts'
import type { OAuthResourceError } from '../../errors/errors.ts'
import { OptionError, isOAuthResourceError } from '../../errors/errors.ts'
import { reasonTable } from '../../errors/reason-table.ts'
import type { Reason } from '../../errors/reasons.ts'
import type { ProtectedResource } from '../../resource/create-resource.ts'
import { createResource } from '../../resource/create-resource.ts'
import type { AccessToken } from '../../token/access-token.ts'
import type { Presentation } from '../../token/confirmation.ts'
import { accessTokenFrom } from '../../token/from-claims.ts'
import { parseJwt } from '../../token/jwt.ts'
import type { Change } from './settings.ts'
import { isSameChange, joinChanges, lineOf, withChange } from './settings.ts'
import type { RefusedToken } from './advice.ts'
import { adviseOn } from './advice.ts'

type Options = OAuthResourceServerOptions<never>

/** What the token is checked against: options of the plugin, or the resource of a running app (`app.oauthResource`). */
export type ExplainSource = { readonly options: Options } | { readonly resource: ProtectedResource }

/** One check that refuses the token. */
export interface ExplainedRefusal {
  readonly reason: Reason
  readonly code: ErrorCode
  /** What the reason means. */
  readonly meaning: string
  readonly expected: string | null
  /** As it is in the token, shortened. */
  readonly received: string | null
  /** The line of configuration that would pass this check; `null` when none should. */
  readonly line: string | null
  /** When that line is right; or, without one, what else to do. */
  readonly when: string
}

/** What a configuration does with a token. It does not contain the token. */
export interface TokenExplanation {
  readonly version: 1
  /** `unknown`: the check could not be completed, so that the server would answer 503. */
  readonly outcome: 'accepted' | 'refused' | 'unknown'
  readonly resource: string
  /** What an accepted token says; `null` otherwise. */
  readonly accessToken: Pick<AccessToken, 'issuer' | 'subject' | 'clientId' | 'audience' | 'scopes' | 'expiresAt'> | null
  /** What a request needs beside the token; `null` when it needs nothing. */
  readonly alsoNeeded: string | null
  /** The checks that refuse it, in their order: each but the first would refuse it after the lines of those before. */
  readonly refusals: readonly ExplainedRefusal[]
  /** The lines with which it would be accepted; `null` when there are none, and when none are needed. */
  readonly acceptedWith: readonly string[] | null
}

/** Each line that passes one check shows the next one that refuses the token. */
const maxRounds = 12
const ignore = (): void => {}
const silent = { debug: ignore, warn: ignore }

/**
 * Says what a configuration does with an access token: which check refuses it and which line of configuration would accept it,
 * or that it is accepted. The checks are those of the plugin itself. Nothing is logged, and the token is sent nowhere but to the
 * introspection endpoint, for issuers that are configured with one.
 *
 * What a route asks for is not checked: scopes, actors, organizations.
 *
 * @throws OptionError for options that the plugin would refuse
 */
export async function explainToken (token: string, source: ExplainSource): Promise<TokenExplanation> {
  const refusals: ExplainedRefusal[] = []
  const changes: Change[] = []
  let current = source
  let result = await verify(token, resourceOf(current))
  while ('error' in result) {
    const { error, config } = result
    const { change, line, when } = adviseOn(refusedToken(token, error, config))
    refusals.push(refusalOf(error, change === null ? line ?? null : lineOf(change), when))
    if (change === null || !('options' in current) || changes.some(one => isSameChange(one, change)) || refusals.length === maxRounds) break
    changes.push(change)
    current = { options: withChange(current.options, change) }
    result = await verify(token, resourceOf(current))
  }
  const isAccepted = !('error' in result)
  const { accessToken, alsoNeeded } = 'error' in result ? { accessToken: null, alsoNeeded: null } : result
  const isUnknown = refusals[0]?.code === 'FST_OAUTH_UNAVAILABLE'
  return {
    version: 1,
    outcome: refusals.length === 0 ? 'accepted' : isUnknown ? 'unknown' : 'refused',
    resource: result.config.resource,
    accessToken: refusals.length > 0 || accessToken === null ? null : summaryOf(accessToken),
    alsoNeeded,
    refusals,
    acceptedWith: isAccepted && changes.length > 0 ? joinChanges(changes).map(lineOf) : null
  }
}

function resourceOf (source: ExplainSource): ProtectedResource {
  return 'resource' in source ? source.resource : createResource(resolveConfig(source.options).config, silent)
}

type Result = { readonly config: OAuthConfig } & (
  | { readonly error: OAuthResourceError }
  | { readonly accessToken: AccessToken | null, readonly alsoNeeded: string | null })

async function verify (token: string, { config, verifier }: ProtectedResource): Promise<Result> {
  try {
    return { config, accessToken: await verifier.verify(token, presentationFor(config)), alsoNeeded: null }
  } catch (error) {
    if (!isOAuthResourceError(error) || error instanceof OptionError) throw error
    // Possession is checked after everything else, and the fix is missing where the server takes such a proof.
    const takesProof = error.reason === 'proof_missing' && error.detail?.fix === undefined
    return takesProof ? { config, accessToken: verifiedBefore(token, config), alsoNeeded: error.detail!.expected! } : { config, error }
  }
}

/** As a request would present the token. It has no proof: that is made for one request. */
function presentationFor ({ dpop, resource }: OAuthConfig): Presentation {
  return {
    scheme: 'Bearer', requirement: dpop?.requirement ?? 'off', method: 'GET', proofs: [], targetUris: [resource], certificateThumbprint: null, provideNonce: ignore
  }
}

function verifiedBefore (token: string, { issuers }: OAuthConfig): AccessToken | null {
  const claims = jwtOf(token)?.claims ?? null
  const issuer = issuers.find(({ rule }) => rule.issuer === claims?.iss)
  return claims === null || issuer === undefined ? null : accessTokenFrom(claims, issuer.rule)
}

function jwtOf (token: string): RefusedToken['jwt'] {
  try {
    return parseJwt(token, token.length)
  } catch {
    return null
  }
}

function refusedToken (token: string, { reason, detail }: OAuthResourceError, config: OAuthConfig): RefusedToken {
  return { reason, detail, length: token.length, isJwtLike: /^ey[\w-]+\./.test(token), jwt: jwtOf(token), config, now: config.clock.now() / 1000 }
}

function refusalOf ({ reason, code, detail, cause }: OAuthResourceError, line: string | null, when: string): ExplainedRefusal {
  return {
    reason,
    code,
    meaning: reasonTable[reason].meaning,
    expected: detail?.expected ?? null,
    received: detail?.received ?? (cause === undefined ? null : describeError(cause)),
    line,
    when
  }
}

function summaryOf ({ issuer, subject, clientId, audience, scopes, expiresAt }: AccessToken): NonNullable<TokenExplanation['accessToken']> {
  return { issuer, subject, clientId, audience, scopes, expiresAt }
}
