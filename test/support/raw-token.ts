import type { SigningKey } from './issuer.ts'

/** What goes into a token: an object, or text or bytes that no serializer would write. */
export type Part = Readonly<Record<string, unknown>> | string | Uint8Array

/** A token signed over exactly these parts, however little sense they make. */
export async function signRaw (key: Pick<SigningKey, 'signText'>, header: Part, payload: Part): Promise<string> {
  const input = `${encodePart(header)}.${encodePart(payload)}`
  return key.signText(input)
}

export function encodePart (part: Part): string {
  if (part instanceof Uint8Array) return Buffer.from(part).toString('base64url')
  return Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url')
}

/** The header and claims of a token, to be changed and signed again. */
export function partsOf (token: string): { header: Record<string, unknown>, claims: Record<string, unknown> } {
  const [header = '', claims = ''] = token.split('.')
  return { header: decodePart(header), claims: decodePart(claims) }
}

function decodePart (part: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>
}
