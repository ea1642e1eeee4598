import type { OAuthConfig } from '../config/resolve.ts'
import type { ResolvedIssuer } from '../config/issuer.ts'
import type { StatusListSettings } from '../config/status-list.ts'
import { createRefreshingValue } from '../http/refreshing-value.ts'
import type { MetadataNeeds } from '../metadata/issuer-metadata.ts'
import { findIssuerMetadata } from '../metadata/issuer-metadata.ts'
import type { ExpectedToken } from '../token/expected-token.ts'
import { optionOf } from '../token/expected-token.ts'
import { createIntrospector } from '../token/introspector.ts'
import type { Issuer } from '../token/issuer.ts'
import { createIntrospectionIssuer, createJwtIssuer } from '../token/issuer.ts'
import type { IssuerKeys } from '../token/issuer-keys.ts'
import { createIssuerKeys } from '../token/issuer-keys.ts'
import { createSharedAnswers } from '../token/shared-answers.ts'
import { alwaysCurrent, createNegativeCache } from '../token/token-cache.ts'
import type { CheckStatus } from '../token/token-status.ts'
import { createStatusCheck } from '../token/token-status.ts'

/** Where it is written what no request is refused for, and an operator has to know. */
export interface IssuerLog {
  debug (details: object, message: string): void
  warn (details: object, message: string): void
}

/** The slice of the configuration that every issuer shares. */
export type IssuerEnvironment = Pick<OAuthConfig, 'discovery' | 'fetch' | 'lookupTimeoutMs' | 'clock'>

/** Makes one issuer, with metadata, keys and caches of its own. Nothing is requested before its first token comes. */
export function createIssuer (resolved: ResolvedIssuer, { discovery, fetch, lookupTimeoutMs, clock }: IssuerEnvironment, log: IssuerLog): Issuer {
  const { rule: expected, jwks, jwksUri, introspection, statusList } = resolved
  const { issuer } = expected
  const { limits } = discovery
  const onRenewalFailed = (what: string) => (err: unknown): void =>
    log.warn({ issuer, err }, `the ${what} of an issuer could not be renewed; the last good ones stay in use`)
  const metadata = createRefreshingValue(
    () => findIssuerMetadata(issuer, needsOf(resolved), fetch, limits), discovery.metadata, clock, onRenewalFailed('metadata'))
  const keys = createIssuerKeys({
    owner: issuer,
    option: optionOf(expected, 'jwksUri'),
    jwks,
    jwksUri,
    metadata,
    fetch,
    limits,
    refresh: discovery.keys,
    clock,
    onSkippedKeys: skippedKeys => log.debug({ issuer, skippedKeys }, 'keys of an issuer cannot be used'),
    onRenewalFailed: onRenewalFailed('keys')
  })
  if (introspection === null) {
    const environment = { discovery, fetch, lookupTimeoutMs, clock }
    return createJwtIssuer(expected, keys, clock, {
      check: statusList === null ? createIgnoredStatus(expected, log) : createStatus(resolved, statusList, keys, environment, log),
      required: statusList?.required === true
    })
  }

  const introspector = createIntrospector({
    expected,
    introspection: introspection.rule,
    endpoint: async () => introspection.endpoint ?? (await metadata.get()).introspectionEndpoint!,
    verifySignature: keys.verifySignature,
    refusedTokens: introspection.refusedCacheMs === 0 ? null : createNegativeCache(introspection.refusedCacheMs, clock),
    sharedAnswers: introspection.cache === null
      ? null
      : createSharedAnswers(introspection.cache, expected, { ...introspection, clientId: introspection.rule.clientId, timeoutMs: lookupTimeoutMs, clock }),
    maxConcurrent: introspection.maxConcurrent,
    fetch: introspection.fetch ?? fetch,
    limits,
    retryAfterMs: discovery.keys.retryAfterMs,
    clock
  })
  return createIntrospectionIssuer(expected, introspector, introspection.opaquePrefix, introspection.cacheMs)
}

function createStatus (
  { rule: expected }: ResolvedIssuer, settings: StatusListSettings, issuerKeys: IssuerKeys, { discovery, fetch, clock }: IssuerEnvironment, log: IssuerLog
): CheckStatus {
  const { issuer, algorithms, clockToleranceSeconds } = expected
  const option = optionOf(expected, 'statusList')
  const { limits, keys: { coolDownMs, retryAfterMs } } = discovery
  const { jwksUri, maxAgeMs, maxStaleMs } = settings
  return createStatusCheck({
    ...settings,
    option,
    // Another party signs the lists where the keys are other ones.
    expected: { issuer: jwksUri === null ? issuer : null, algorithms, clockToleranceSeconds },
    keys: jwksUri === null ? issuerKeys : createIssuerKeys({ owner: `the status lists of ${issuer}`, option: `${option}.jwksUri`, jwksUri, jwks: null, metadata: null, fetch, limits, refresh: discovery.keys, clock }),
    refresh: { minAgeMs: Math.min(10_000, maxAgeMs), maxAgeMs, defaultAgeMs: maxAgeMs, coolDownMs: Math.min(coolDownMs, maxAgeMs), retryAfterMs, maxStaleMs },
    fetch,
    limits,
    clock,
    onUnavailable: (uri, err) => log.warn({ issuer, uri, err }, 'the status list of an issuer could not be loaded')
  })
}

/** A claim that is not understood is ignored (RFC 7519 section 4). An issuer that sends it expects it to be looked at. */
function createIgnoredStatus (expected: ExpectedToken, log: IssuerLog): CheckStatus {
  let isWarned = false
  return ({ status }) => {
    if (!isWarned && (Object(status) as { status_list?: unknown }).status_list !== undefined) {
      isWarned = true
      log.warn({ issuer: expected.issuer }, `access tokens of an issuer name a status list, and it is not looked at: set ${optionOf(expected, 'statusList')}`)
    }
    return alwaysCurrent
  }
}

/** An issuer that is asked about its tokens need not publish keys, and one that is not needs no introspection endpoint. */
function needsOf ({ introspection, jwks, jwksUri }: ResolvedIssuer): MetadataNeeds {
  if (introspection === null) return { keys: true, introspection: 'none' }
  const { authentication, signedResponseAlgorithm } = introspection.rule
  return {
    keys: signedResponseAlgorithm !== null && jwks === null && jwksUri === null,
    introspection: introspection.endpoint !== null ? 'none' : authentication.method === 'tls_client_auth' ? 'mtls' : 'plain'
  }
}
