import { ChallengeSyntaxError } from '../errors/syntax-errors.ts'
import type { Challenge } from './format.ts'

/** A challenge together with the text it was read from. */
export interface ParsedChallenge extends Challenge {
  readonly raw: string
}

const tokenAt = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y
const separatorAt = /[ \t]*,[ \t,]*/y
const spacesAt = / +/y
const token68At = /[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$))/y
const equalsAt = /[ \t]*=[ \t]*/y
// A run of plain characters, or one escaped character. A pattern for the whole string would overflow on long strings.
const quotedPieceAt = /[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]+|\\([\t\x20-\x7e\x80-\xff])/y

/**
 * Reads the value of a `WWW-Authenticate` header: one field line, or several joined by commas, which mean the same
 * (RFC 9110 sections 5.6.1, 11.3 and 11.6.1). Parameters stay with their own scheme.
 *
 * @throws ChallengeSyntaxError on anything else, a parameter that stands twice in a challenge included
 */
export function parseChallenges (value: string): ParsedChallenge[] {
  const challenges: ParsedChallenge[] = []
  let position = 0

  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = position
    const match = pattern.exec(value)
    if (match !== null) position += match[0].length
    return match
  }
  const fail = (): never => { throw new ChallengeSyntaxError(position) }

  const quoted = (): string | null => {
    if (value[position] !== '"') return null
    position++
    let text = ''
    for (let piece = take(quotedPieceAt); piece !== null; piece = take(quotedPieceAt)) text += piece[1] ?? piece[0]
    if (value[position] !== '"') fail()
    position++
    return text
  }

  const parameter = (into: Map<string, string>): boolean => {
    const start = position
    const name = take(tokenAt)?.[0].toLowerCase()
    if (name === undefined || take(equalsAt) === null) {
      position = start
      return false
    }
    const text = quoted() ?? take(tokenAt)?.[0] ?? fail()
    if (into.has(name)) fail()
    into.set(name, text)
    return true
  }

  // Empty list elements are allowed, at the start too.
  take(/[ \t,]*/y)
  while (position < value.length) {
    const start = position
    const scheme = take(tokenAt)?.[0] ?? fail()
    const parameters = new Map<string, string>()
    let token68: string | null = null
    let end = position

    if (take(spacesAt) !== null) {
      token68 = take(token68At)?.[0] ?? null
      if (parameter(parameters)) {
        end = position
        // The next list element is one more parameter of this challenge, or a challenge of its own.
        for (let more = true; more;) {
          const before = position
          more = take(separatorAt) !== null && parameter(parameters)
          if (more) end = position
          else position = before
        }
      } else if (token68 !== null) {
        end = position
      }
    }
    challenges.push({ scheme, token68, parameters, raw: value.slice(start, end) })
    if (take(separatorAt) === null && position < value.length && take(/[ \t]+$/y) === null) fail()
  }
  return challenges
}
