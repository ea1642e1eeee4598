import fc from 'fast-check'
import type { Challenge } from '../../lib/challenge/format.ts'

const tokenCharacters = '!#$%&\'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const characters = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => String.fromCharCode(from + index))
/** HTAB, SP, VCHAR and obs-text (RFC 9110 section 5.5). */
const headerCharacters = ['\t', ...characters(0x20, 0x7e), ...characters(0x80, 0xff)]

const token = fc.string({ unit: fc.constantFrom(...tokenCharacters), minLength: 1, maxLength: 12 })
const headerText = fc.string({ unit: fc.constantFrom(...headerCharacters), maxLength: 30 })
const parameters = fc.uniqueArray(fc.tuple(token.map(name => name.toLowerCase()), headerText), {
  selector: ([name]) => name, maxLength: 5
})
const token68 = fc.tuple(
  fc.string({ unit: fc.constantFrom(...'-._~+/0aZ'), minLength: 1 }), fc.constantFrom('', '=', '==')
).map(parts => parts.join(''))

const plain = { noNullPrototype: true } as const

/** Any challenge that a header can hold. */
export const challengeArbitrary: fc.Arbitrary<Challenge> = fc.oneof(
  fc.record({ scheme: token, token68: fc.constant(null), parameters: parameters.map(entries => new Map(entries)) }, plain),
  fc.record({ scheme: token, token68, parameters: fc.constant(new Map<string, string>()) }, plain)
)

/** Text that looks like a challenge here and there, which plain random text never does. */
export const nearlyHeaderArbitrary: fc.Arbitrary<string> = fc.array(fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('Bearer', 'Basic', ' ', ',', '=', '"', '\\', 'realm', 'a="b"', 'scope=x', '\t', '==') },
  fc.string({ unit: 'binary', maxLength: 3 })
), { maxLength: 40 }).map(parts => parts.join(''))
