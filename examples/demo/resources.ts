import type { ScopeImplies } from '../../plugins/index.ts'

/** One of the protected resources of this server, as both sides know it: those who serve it and those who grant access. */
export interface Resource {
  /** RFC 9728 section 1.2; also the `resource` of RFC 8707 and the `aud` of its tokens. */
  readonly identifier: string
  readonly name: string
  /** Name → what the consent page says. */
  readonly scopes: Readonly<Record<string, string>>
  /** The scopes that a client starts with. The others are asked for when they are needed: step-up. */
  readonly initialScopes: readonly string[]
  /** `opaque` is for a resource that asks about each token. */
  readonly tokens: 'jwt' | 'opaque'
}

export interface Resources {
  readonly mcp: Resource
  readonly api: Resource
  readonly reports: Resource
}

const scopes = {
  'projects:read': 'See projects',
  'projects:write': 'Create projects, and see them'
}

export function resourcesAt (origin: string): Resources {
  return {
    mcp: { identifier: `${origin}/mcp`, name: 'Projects for assistants', scopes, initialScopes: ['projects:read'], tokens: 'jwt' },
    api: { identifier: `${origin}/api`, name: 'Projects API', scopes, initialScopes: ['projects:read', 'projects:write'], tokens: 'jwt' },
    reports: { identifier: `${origin}/reports`, name: 'Reports', scopes, initialScopes: ['projects:read'], tokens: 'opaque' }
  }
}

/** Whoever may write may read. */
export const writeImpliesRead: ScopeImplies = (granted, required) =>
  granted === 'projects:write' && required === 'projects:read'
