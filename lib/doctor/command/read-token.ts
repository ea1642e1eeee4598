import { UsageError } from './usage.ts'

/** Standard input: a terminal, a pipe or a file. */
export interface TokenInput extends AsyncIterable<string | Uint8Array> {
  readonly isTTY?: boolean
  setRawMode? (isRaw: boolean): unknown
}

/** Ctrl+D in raw mode. */
const endOfInput = '\u0004'
/** What terminals put around a text that is pasted. */
const pasteMarks = ['\u001b[200~', '\u001b[201~']
/** As many characters are read. */
const maxLength = 1_048_576

/**
 * Reads an access token from standard input. On a terminal it is read without an echo, to the end of the line.
 *
 * @param prompt is called when a person has to paste it
 * @throws UsageError when there is none
 */
export async function readToken (input: TokenInput, prompt: (text: string) => void): Promise<string> {
  const isTerminal = input.isTTY === true
  if (isTerminal) {
    prompt('Paste the access token and press Enter (it is not shown): ')
    input.setRawMode?.(true)
  }
  try {
    return parseToken(await readText(input, isTerminal))
  } finally {
    if (isTerminal) {
      input.setRawMode?.(false)
      prompt('\n')
    }
  }
}

async function readText (input: TokenInput, isTerminal: boolean): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of input) {
    text += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
    if (text.length > maxLength) throw new UsageError('standard input is too long for a token')
    if (!isTerminal) continue
    // In raw mode the interrupt is a character as any other.
    if (text.includes('\u0003')) throw new UsageError('interrupted')
    if (['\r', '\n', endOfInput].some(end => text.includes(end))) break
  }
  return text
}

/**
 * The token in a text: alone, as the value of an Authorization header, or in the response of a token endpoint.
 *
 * @throws UsageError which does not repeat the text
 */
export function parseToken (text: string): string {
  const trimmed = [endOfInput, ...pasteMarks].reduce((rest, mark) => rest.replaceAll(mark, ''), text).trim()
  const value = trimmed.startsWith('{') ? tokenOfResponse(trimmed) : trimmed.replace(/^(?:authorization: *)?(?:bearer|dpop) +/i, '')
  if (value === '') throw new UsageError('standard input has no token: pipe it in, as in  echo "$token" | npx fastify-oauth-resource-server explain …')
  if (!/^[\x21-\x7e]+$/.test(value)) throw new UsageError('standard input has more than one word, or characters that no token has')
  return value
}

function tokenOfResponse (text: string): string {
  try {
    const { access_token: token } = JSON.parse(text) as { access_token?: unknown }
    return typeof token === 'string' ? token : ''
  } catch {
    throw new UsageError('standard input begins with { and is not JSON')
  }
}
