import { randomBytes } from 'node:crypto'
import type { Address } from './address.ts'
import { parseAddress } from './address.ts'
import { ForwardError } from '../errors/forward-errors.ts'
import type { ForwardCredential, ForwardRoute, ForwardTargetOptions } from './options.ts'
import { checkForwardTarget } from './options.ts'
import { createSecret } from './secret.ts'

/** A target as the proxy uses it. */
export interface Target<Request> {
  readonly address: Address
  readonly credential: ForwardCredential
  readonly mayUse: NonNullable<ForwardRoute<Request>['mayUse']> | null
  /** The secret that callers send; `null` where they send an access token. */
  readonly secret: string | null
  readonly underWay: RequestsUnderWay
}

/** Requests that can be aborted together. */
export interface RequestsUnderWay {
  /** @returns says that the request has ended */
  add (request: AbortController): () => void
  abortAll (reason: Error): void
}

export function createRequestsUnderWay (): RequestsUnderWay {
  const entries = new Set<{ request: AbortController | null }>()
  return {
    add (request) {
      const entry: { request: AbortController | null } = { request }
      entries.add(entry)
      return () => {
        entries.delete(entry)
        // V8 keeps the tables that a set has outgrown, with what was in them, until the next major collection. A request is
        // not to stay in memory that long.
        entry.request = null
      }
    },
    abortAll (reason) {
      for (const { request } of entries) request?.abort(reason)
    }
  }
}

/** How callers reach a target. */
export interface ForwardRegistration {
  /** Random, but not a secret: it is part of URLs. */
  readonly id: string
  /** The secret that callers send in the `secretHeader` or as a Bearer token; `null` where they send an access token of the resource. */
  readonly secret: string | null
  /** The path of the target on this server. */
  readonly path: string
  /** The absolute URL; `null` while the server does not listen and no `baseUrl` is configured. */
  readonly url: string | null
}

/** The targets that are registered while the server runs. They are kept in memory, until it closes. */
export interface ForwardTargets<Request> {
  /**
   * Registers a target. If a target with this name, upstream and identity exists, its id and secret are kept and its credential
   * is replaced. If the upstream or identity differs, the target gets a new id and secret; the old ones are invalid at once,
   * and pending requests to the old target are aborted.
   *
   * @throws OptionError
   * @throws ForwardError `FST_OAUTH_FORWARD_CLOSED`
   */
  register (target: ForwardTargetOptions<Request>): ForwardRegistration
  /**
   * Removes a target. Its pending requests are aborted and its streams end.
   *
   * @returns whether there was a target with this name
   */
  remove (name: string): boolean
  readonly size: number
}

export interface TargetRegistry<Request> {
  readonly targets: ForwardTargets<Request>
  find (id: string): Target<Request> | null
  /** Removes all targets; later registrations throw. */
  close (): void
}

export interface TargetRegistrySettings {
  readonly allowInsecureUpstreams: boolean
  /** Whether callers have to send the secret of the target. */
  readonly withSecrets: boolean
  /** The path below which targets are served. */
  readonly path: () => string
  /** `null` while the server does not listen. */
  readonly origin: () => string | null
}

interface Entry<Request> {
  readonly id: string
  readonly upstream: string
  readonly identity: string
  readonly target: Target<Request>
}

export function createTargetRegistry<Request> (settings: TargetRegistrySettings): TargetRegistry<Request> {
  const byName = new Map<string, Entry<Request>>()
  const byId = new Map<string, Entry<Request>>()
  let open = true

  const forget = (entry: Entry<Request>): void => {
    byId.delete(entry.id)
    entry.target.underWay.abortAll(new ForwardError('FST_OAUTH_FORWARD_TARGET_UNKNOWN'))
  }
  const remove = (name: string): boolean => {
    const entry = byName.get(name)
    if (entry === undefined) return false
    byName.delete(name)
    forget(entry)
    return true
  }
  return {
    targets: {
      register (given) {
        const { name, upstream, identity, credential, mayUse = null } = checkForwardTarget<Request>(given)
        const address = parseAddress(`forward target ${JSON.stringify(name)}.upstream`, upstream, settings.allowInsecureUpstreams)
        if (!open) throw new ForwardError('FST_OAUTH_FORWARD_CLOSED')
        const url = `${address.origin}${address.path}`
        const known = byName.get(name)
        const kept = known !== undefined && known.upstream === url && known.identity === identity ? known : null
        if (kept === null) remove(name)
        const id = kept?.id ?? randomBytes(16).toString('base64url')
        const secret = kept !== null ? kept.target.secret : settings.withSecrets ? createSecret() : null
        const entry = { id, upstream: url, identity, target: { address, credential, mayUse, secret, underWay: kept?.target.underWay ?? createRequestsUnderWay() } }
        byName.set(name, entry)
        byId.set(id, entry)
        const path = `${settings.path()}/${id}`
        const origin = settings.origin()
        return { id, secret, path, url: origin === null ? null : `${origin}${path}` }
      },
      remove,
      get size () { return byName.size }
    },
    find: id => byId.get(id)?.target ?? null,
    close () {
      open = false
      byName.clear()
      byId.clear()
    }
  }
}
