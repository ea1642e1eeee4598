import type { CheckOutcome } from '../check.ts'

/** Puts text into colours, or leaves it as it is. */
export interface Style {
  bold (text: string): string
  dim (text: string): string
  red (text: string): string
  green (text: string): string
  yellow (text: string): string
}

const code = (start: number, end: number) => (text: string): string => `\u001b[${start}m${text}\u001b[${end}m`
const plain = (text: string): string => text

/** Colours are for terminals, and not where `NO_COLOR` is set (no-color.org); `FORCE_COLOR` asks for them elsewhere. */
export function styleFor (isTerminal: boolean, env: Readonly<Record<string, string | undefined>>): Style {
  const hasColours = !env.NO_COLOR && (isTerminal || Boolean(env.FORCE_COLOR)) && env.TERM !== 'dumb'
  if (!hasColours) return { bold: plain, dim: plain, red: plain, green: plain, yellow: plain }
  return { bold: code(1, 22), dim: code(2, 22), red: code(31, 39), green: code(32, 39), yellow: code(33, 39) }
}

export const marks: Readonly<Record<CheckOutcome | 'advice', string>> = { holds: '✓', fails: '✗', advice: '!', unknown: '?', not_applicable: '–' }

/** Text in lines of a width, the further ones indented as the first one is. A long word has a line of its own. */
export function wrap (text: string, first: string, width: number): string {
  const indent = ' '.repeat(first.length)
  const lines: string[] = []
  let line = first
  for (const word of text.split(' ')) {
    const isEmpty = line.trimEnd().length < first.length || line.length === first.length
    if (!isEmpty && line.length + 1 + word.length > width) {
      lines.push(line)
      line = indent + word
    } else {
      line += isEmpty ? word : ` ${word}`
    }
  }
  return [...lines, line].join('\n')
}
