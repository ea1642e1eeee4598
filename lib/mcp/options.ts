import { OptionError } from '../errors/errors.ts'
import { isScopeOfRoute } from '../policy/scopes.ts'
import type { SessionStore } from '../stores/mcp-sessions/session-store.ts'
import { checkOptions } from '../options/check-options.ts'
import { show } from '../options/show.ts'
import { Type } from '../options/type.ts'

/** What calling something needs: a list of scopes, all of them; or who may call it without a token. */
export type McpRule = readonly string[] | {
  /** All of these are needed. Default: none, any valid token will do. */
  readonly scopes?: readonly string[]
  /** Whether it may be called without a token. Default: false. */
  readonly public?: boolean
}

export interface McpOptions {
  /** Tool → what calling it needs. */
  tools?: Readonly<Record<string, McpRule>>
  /** What calling a tool that is not among `tools` needs: `refuse` (default), nobody may; `token`, any valid token. */
  undeclaredTools?: 'refuse' | 'token'
  /** Prompt → what getting it needs. Default: any valid token. */
  prompts?: Readonly<Record<string, McpRule>>
  /** Beginning of a URI → what reading, or subscribing to, such a resource needs. The longest wins. Default: any valid token. */
  resources?: Readonly<Record<string, McpRule>>
  /** JSON-RPC method → what calling it needs, whatever it is about. Default: any valid token. */
  methods?: Readonly<Record<string, McpRule>>
  /** Values of `Origin` that are let in. Default: the origin of the resource. Requests without `Origin` are let in. */
  allowedOrigins?: readonly string[]
  /** Remembers whose session is whose. Default: in this process. */
  sessions?: SessionStore
  /** What becomes of a request for a session that the store does not know: `pass` (default) leaves it to the SDK, or `refuse`. */
  unknownSessions?: 'pass' | 'refuse'
}

const text = Type.String({ minLength: 1 })
const closed = { additionalProperties: false }
const anyFunction = Type.Function([], Type.Unknown())
const rules = Type.Record(Type.String(), Type.Union([
  Type.Array(text),
  Type.Object({ scopes: Type.Optional(Type.Array(text)), public: Type.Optional(Type.Boolean()) }, closed)
]))
const schema = Type.Object({
  tools: Type.Optional(rules),
  undeclaredTools: Type.Optional(Type.Enum(['refuse', 'token'])),
  prompts: Type.Optional(rules),
  resources: Type.Optional(rules),
  methods: Type.Optional(rules),
  allowedOrigins: Type.Optional(Type.Array(text)),
  sessions: Type.Optional(Type.Object({ bind: anyFunction, ownerOf: anyFunction })),
  unknownSessions: Type.Optional(Type.Enum(['pass', 'refuse']))
}, closed)

const declarations = ['tools', 'prompts', 'resources', 'methods'] as const

/** @throws OptionError that names the option and its value */
export function checkMcpOptions (given: unknown): McpOptions {
  checkOptions('mcp', schema, given)
  const options = given as McpOptions
  for (const kind of declarations) {
    for (const [name, rule] of Object.entries(options[kind] ?? {})) checkRule(`mcp.${kind}[${JSON.stringify(name)}]`, rule)
  }
  if (Object.hasOwn(options.methods ?? {}, 'tools/call')) {
    throw new OptionError('mcp.methods["tools/call"] would be a rule for every tool at once; declare the tools')
  }
  for (const origin of options.allowedOrigins ?? []) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
      throw new OptionError(`mcp.allowedOrigins must be origins as browsers write them, https://host, and has ${show(origin)}`)
    }
  }
  return options
}

function checkRule (name: string, rule: McpRule): void {
  const { scopes, isPublic } = readRule(rule)
  const unfit = scopes.find(scope => !isScopeOfRoute(scope))
  if (unfit !== undefined) throw new OptionError(`${name}: ${show(unfit)} is not a scope of a resource`)
  if (isPublic && scopes.length > 0) throw new OptionError(`${name}: scopes cannot be asked for with public: true`)
}

/** A rule in its long form. */
export function readRule (rule: McpRule): { scopes: readonly string[], isPublic: boolean } {
  if ('public' in rule || 'scopes' in rule) return { scopes: rule.scopes ?? [], isPublic: rule.public === true }
  return { scopes: Array.isArray(rule) ? rule : [], isPublic: false }
}
