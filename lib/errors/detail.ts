/**
 * What a refusal means for the person who reads the log: what was expected, what came, and how to fix it. It is for the
 * log alone: no response body and no challenge ever holds it, and it never holds a token or a secret.
 */
export interface RefusalDetail {
  readonly expected?: string
  /** As it came, so unverified; see {@link describeValue}. */
  readonly received?: string
  readonly fix?: string
  /** What else of the token, which is not verified, would be refused after the fix. */
  readonly also?: readonly string[]
}

const longestValue = 200
const printableAscii = /^[ -~]*$/
/** Made when it is first needed: the engine takes four milliseconds for it. */
let notPrintable: RegExp | undefined

/**
 * A value that a stranger sent, safe to print in a log: JSON where there is some, without control characters, and cut to
 * 200 characters.
 */
export function describeValue (value: unknown): string {
  return printable(textOf(value), longestValue)
}

/** Text of another party in one line: without control characters, and cut to so many characters. */
export function printable (text: string, longest: number): string {
  const line = printableAscii.test(text) ? text : withoutControls(text)
  // Cut by code points, so that no surrogate pair is cut in two.
  return line.length <= longest ? line : `${[...line.slice(0, longest)].slice(0, -1).join('')}…`
}

function withoutControls (text: string): string {
  // Cc, Cf, Zl and Zp: control characters, direction overrides, separators that end a line. Also halves of surrogate pairs.
  notPrintable ??= /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu
  return text.replace(notPrintable, ' ')
}

function textOf (value: unknown): string {
  if (value === undefined) return 'nothing'
  // A long string is cut before it is escaped: its end would be cut off anyway.
  if (typeof value === 'string') return JSON.stringify(value.slice(0, longestValue))
  try {
    const text = JSON.stringify(value, (_key, member: unknown) => typeof member === 'string' ? member.slice(0, longestValue) : member) as string | undefined
    return text ?? typeof value
  } catch {
    return typeof value
  }
}

/** The message of an error that a function of the host or another server caused, safe to print in a log. */
export function describeError (error: unknown): string {
  return describeValue(error instanceof Error ? error.message : error)
}
