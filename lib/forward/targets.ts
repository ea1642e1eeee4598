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
  /** What its callers have to show; `null` where they show an access token. */
  readonly secret: string | null
  /** What ends the requests that are under way to it. */
  readonly underWay: Set<AbortController>
}

/** How a target is reached. */
export interface ForwardRegistration {
  /** Not to be guessed, and no secret: it stands in URLs. */
  readonly id: string
  /** What callers send in the `secretHeader` or as a Bearer token; `null` where they show an access token of the resource. */
  readonly secret: string | null
  /** The path of the target on this server. */
  readonly path: string
  /** The same with the origin in front; `null` while the server does not listen yet and no `baseUrl` was given. */
  readonly url: string | null
}

/** The targets of one running server: they are gone when it closes. */
export interface ForwardTargets<Request> {
  /**
   * Makes a target, or gives the one that is there: the same name, upstream and identity keep their id and secret, and take
   * the credential that was given last. Another upstream or identity under the name gets new ones, and the old are dead at
   * once, requests that are under way with them.
   *
   * @throws OptionError
   * @throws ForwardError `FST_OAUTH_FORWARD_CLOSED`
   */
  register (target: ForwardTargetOptions<Request>): ForwardRegistration
  /** Takes the target of this name away. Requests that are under way are given up, and open streams end. */
  remove (name: string): boolean
  readonly size: number
}

export interface TargetRegistry<Request> {
  readonly targets: ForwardTargets<Request>
  find (id: string): Target<Request> | null
  /** Forgets all of them, and takes no more. */
  close (): void
}

export interface RegistryRules {
  readonly allowInsecureUpstreams: boolean
  /** Whether callers have to show the secret of the target. */
  readonly withSecrets: boolean
  /** The path under which targets stand. */
  readonly path: () => string
  /** `null` while nobody knows. */
  readonly origin: () => string | null
}

interface Entry<Request> {
  readonly id: string
  readonly upstream: string
  readonly identity: string
  readonly target: Target<Request>
}

export function createTargetRegistry<Request> (rules: RegistryRules): TargetRegistry<Request> {
  const byName = new Map<string, Entry<Request>>()
  const byId = new Map<string, Entry<Request>>()
  let open = true

  const forget = (entry: Entry<Request>): void => {
    byId.delete(entry.id)
    for (const one of entry.target.underWay) one.abort(new ForwardError('FST_OAUTH_FORWARD_TARGET_UNKNOWN'))
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
        const address = parseAddress(`forward target ${JSON.stringify(name)}.upstream`, upstream, rules.allowInsecureUpstreams)
        if (!open) throw new ForwardError('FST_OAUTH_FORWARD_CLOSED')
        const url = `${address.origin}${address.path}`
        const known = byName.get(name)
        const kept = known !== undefined && known.upstream === url && known.identity === identity ? known : null
        if (kept === null) remove(name)
        const id = kept?.id ?? randomBytes(16).toString('base64url')
        const secret = kept !== null ? kept.target.secret : rules.withSecrets ? createSecret() : null
        const entry = { id, upstream: url, identity, target: { address, credential, mayUse, secret, underWay: kept?.target.underWay ?? new Set<AbortController>() } }
        byName.set(name, entry)
        byId.set(id, entry)
        const path = `${rules.path()}/${id}`
        const origin = rules.origin()
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
