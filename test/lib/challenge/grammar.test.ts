import fc from 'fast-check'
import { test } from 'tap'
import { isToken, isToken68, quote, sanitizeDescription } from '../../../lib/challenge/grammar.ts'

test('tokens and token68', t => {
  for (const [value, token, token68] of [
    ['Bearer', true, true], ['resource_metadata', true, true], ['!#$%&\'*+-.^_`|~', true, false], ['abc==', false, true],
    ['a/b+c', false, true], ['', false, false], ['=', false, false], ['a=b', false, false], ['a b', false, false],
    ['a\n', false, false], ['"a"', false, false], ['ü', false, false], ['a,b', false, false]
  ] as const) {
    t.equal(isToken(value), token, `token ${JSON.stringify(value)}`)
    t.equal(isToken68(value), token68, `token68 ${JSON.stringify(value)}`)
  }
  t.end()
})

test('quoted strings escape the two characters that end or escape, and refuse what no header can hold', t => {
  for (const [value, quoted] of [
    ['', '""'], ['a b', '"a b"'], ['say "hi"', '"say \\"hi\\""'], ['a\\b', '"a\\\\b"'], ['a\tb', '"a\tb"'], ['\x80ÿ', '"\x80ÿ"']
  ] as const) t.equal(quote(value), quoted)
  for (const value of ['a\rb', 'a\nb', 'a\0b', 'a\x7fb', 'Ā', '…', 'a\n']) {
    t.throws(() => quote(value), { name: 'TypeError' }, JSON.stringify(value))
  }
  t.end()
})

test('descriptions', t => {
  for (const [text, safe] of [
    ['The access token has expired', 'The access token has expired'],
    ['he said "no"', 'he said no'],
    ['back\\slash', 'back slash'],
    ['a\r\nSet-Cookie: x', 'a Set-Cookie: x'],
    ['nul\0 und Umlaute ü', 'nul und Umlaute'],
    ['scope="admin", x=y', 'scope admin , x y'],
    ['  \t ', ''],
    ['"', '']
  ] as const) t.equal(sanitizeDescription(text), safe)
  t.end()
})

test('any text is safe once it is a description (RFC 6750 section 3)', t => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), text => {
    const safe = sanitizeDescription(text)
    return /^[\x20-\x21\x23-\x5b\x5d-\x7e]*$/.test(safe) && !safe.includes('=') && sanitizeDescription(safe) === safe
  }))
  t.end()
})
