import { withoutStackTrace } from '../errors/errors.ts'
import { McpError } from '../errors/mcp-errors.ts'
import type { McpCall } from './messages.ts'
import { isRecord } from './messages.ts'

export type McpHeaders = Readonly<Record<string, string | string[] | undefined>>

const versionMember = 'io.modelcontextprotocol/protocolVersion'

/** The parameter that `Mcp-Name` repeats. */
const namedBy: ReadonlyMap<string, string> = new Map([['tools/call', 'name'], ['prompts/get', 'name'], ['resources/read', 'uri']])

/**
 * Checks the headers that repeat parts of the body against the body. A gateway may have decided by the headers; here the
 * body alone decides. A missing header is for the SDK to refuse.
 *
 * @throws McpError
 */
export function checkHeaders (headers: McpHeaders, calls: readonly McpCall[]): void {
  for (const call of calls) {
    const parameter = namedBy.get(call.method)
    const version = versionOf(call)
    if (
      differs(headers['mcp-method'], call.method) ||
      (parameter !== undefined && differs(headers['mcp-name'], call.params[parameter])) ||
      (version !== undefined && differs(headers['mcp-protocol-version'], version))
    ) throw withoutStackTrace(() => new McpError('FST_OAUTH_MCP_HEADER_MISMATCH'))
  }
}

/** The protocol revision that calls say they are of, or the header where they say nothing; `null` for neither. */
export function revisionOf (headers: McpHeaders, calls: readonly McpCall[]): string | null {
  const revision = calls.map(versionOf).find(version => version !== undefined) ?? headers['mcp-protocol-version']
  return typeof revision === 'string' ? revision : null
}

function versionOf ({ params: { _meta: meta } }: McpCall): unknown {
  return isRecord(meta) ? meta[versionMember] : undefined
}

function differs (header: string | string[] | undefined, expected: unknown): boolean {
  return header !== undefined && decode(String(header)) !== expected
}

const encoded = /^=\?base64\?([A-Za-z0-9+/]*={0,2})\?=$/

/** Names that a header cannot hold are sent in base64. */
function decode (value: string): string | null {
  const base64 = encoded.exec(value)?.[1]
  if (base64 === undefined) return value
  const bytes = Buffer.from(base64, 'base64')
  const text = bytes.toString('utf8')
  // Several base64 texts decode to the same bytes; only the canonical one counts.
  return bytes.toString('base64') === base64 && Buffer.from(text).equals(bytes) ? text : null
}
