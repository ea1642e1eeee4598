import { withoutStackTrace } from '../errors/errors.ts'
import { McpError } from '../errors/mcp-errors.ts'
import type { McpCall } from './messages.ts'
import { isRecord, targetOf } from './messages.ts'

type Headers = Readonly<Record<string, string | string[] | undefined>>

const versionMember = 'io.modelcontextprotocol/protocolVersion'

/**
 * Holds the headers that repeat what the body says against the body. Whoever stands between client and server may have
 * decided by them; here the body alone decides. A header that is not there is for the SDK to miss.
 *
 * @throws McpError
 */
export function checkHeaders (headers: Headers, calls: readonly McpCall[]): void {
  for (const call of calls) {
    const named = call.method.startsWith('resources/') && call.method !== 'resources/read' ? null : targetOf(call)
    const { _meta: meta } = call.params
    const version = isRecord(meta) ? meta[versionMember] : undefined
    if (
      disagrees(headers['mcp-method'], call.method) ||
      (named !== null && disagrees(headers['mcp-name'], named)) ||
      (version !== undefined && disagrees(headers['mcp-protocol-version'], version))
    ) throw withoutStackTrace(() => new McpError('FST_OAUTH_MCP_HEADER_MISMATCH'))
  }
}

function disagrees (header: string | string[] | undefined, said: unknown): boolean {
  return header !== undefined && decode(String(header)) !== said
}

const encoded = /^=\?base64\?([A-Za-z0-9+/]*={0,2})\?=$/

/** Names that a header cannot hold come in base64. */
function decode (value: string): string | null {
  const base64 = encoded.exec(value)?.[1]
  if (base64 === undefined) return value
  const bytes = Buffer.from(base64, 'base64')
  const text = bytes.toString('utf8')
  // Of the many spellings of the same bytes only one is the right one.
  return bytes.toString('base64') === base64 && Buffer.from(text).equals(bytes) ? text : null
}
