import type { OAuthConfig } from '../config/resolve.ts'
import type { ResolvedTransmitter } from '../config/shared-signals.ts'
import { createRefreshingValue } from '../http/refreshing-value.ts'
import type { Receiver } from '../shared-signals/receiver.ts'
import { createReceiver } from '../shared-signals/receiver.ts'
import { findTransmitterMetadata } from '../shared-signals/transmitter-metadata.ts'
import { createIssuerKeys } from '../token/issuer-keys.ts'
import type { IssuerLog } from './create-issuer.ts'

/** Makes the receiver of one transmitter, with metadata and keys of its own. Nothing is requested before its first event comes. */
export function createSignalReceiver (config: OAuthConfig, transmitter: ResolvedTransmitter, log: IssuerLog): Receiver {
  const { discovery, fetch, clock, lookupTimeoutMs, issuers } = config
  const { expected, jwks, jwksUri, criticalMembers } = transmitter
  const { issuer } = expected
  const onRenewalFailed = (what: string) => (err: unknown): void =>
    log.warn({ issuer, err }, `the ${what} of a transmitter could not be renewed; the last good ones stay in use`)
  const metadata = createRefreshingValue(
    () => findTransmitterMetadata(issuer, fetch, discovery.limits), discovery.metadata, clock, onRenewalFailed('metadata'))
  const keys = createIssuerKeys({
    owner: issuer,
    option: 'jwksUri of the transmitter',
    jwks,
    jwksUri,
    metadata,
    fetch,
    limits: discovery.limits,
    refresh: discovery.keys,
    clock,
    onSkippedKeys: skippedKeys => log.debug({ issuer, skippedKeys }, 'keys of a transmitter cannot be used'),
    onRenewalFailed: onRenewalFailed('keys')
  })
  return createReceiver({
    ...config.sharedSignals!,
    ...transmitter,
    keys,
    trustedIssuers: issuers.map(({ rule }) => rule.issuer),
    criticalMembers: () => criticalMembers ?? metadata.get().then(known => known.criticalMembers),
    lookupTimeoutMs,
    clock
  })
}
