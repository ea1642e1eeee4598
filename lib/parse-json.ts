/**
 * Reads JSON text that another party sent, as `JSON.parse` does. `JSON.parse` of Node.js 24 and 26 has a defect
 * (https://github.com/nodejs/node/issues/63785): a member name with an escape, such as `"https:\/\/example.com"` as PHP writes
 * it, gets the spelling of a name in an earlier text, and any earlier text will do: one of a stranger, too. The member is then
 * missing under its own name. So text of other parties is read here or, where it decides about a token, by `parseStrictJson`.
 *
 * @throws SyntaxError, whose message quotes the text
 */
export function parseJson (text: string): unknown {
  const value: unknown = JSON.parse(text)
  return text.includes('\\') && countNames(text).escaped > 0 ? readEscapedNames(text) : value
}

const [space, colon, backslash] = [0x20, 0x3a, 0x5c]
/** No text of a protocol is nested as deeply; the limit keeps the recursion within the stack. */
const maxNesting = 1000

/** The strings that a colon follows, in text that `JSON.parse` has accepted, and those of them that have an escape. */
export function countNames (text: string): { all: number, escaped: number } {
  const count = { all: 0, escaped: 0 }
  for (let start = text.indexOf('"'); start !== -1; start = text.indexOf('"', start)) {
    const end = endOfString(text, start)
    let next = end + 1
    while (text.charCodeAt(next) <= space) next++
    if (text.charCodeAt(next) === colon) {
      count.all++
      if (text.slice(start, end).includes('\\')) count.escaped++
    }
    start = next
  }
  return count
}

/**
 * Reads text that `JSON.parse` has accepted once more: strings by themselves are read correctly.
 *
 * @throws SyntaxError when it is nested too deeply
 */
export function readEscapedNames (text: string): unknown {
  const lexemes = text.match(/"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]]|[^\s",:{}[\]]+/g)!
  let next = 0
  const read = (depth: number): unknown => {
    if (depth > maxNesting) throw new SyntaxError('nested too deeply')
    const lexeme = lexemes[next++]!
    if (lexeme === '[') {
      const list: unknown[] = []
      while (lexemes[next] !== ']') list.push(read(depth + 1))
      next++
      return list
    }
    if (lexeme === '{') {
      const members: Array<[string, unknown]> = []
      while (lexemes[next] !== '}') members.push([JSON.parse(lexemes[next++]!) as string, read(depth + 1)])
      next++
      return Object.fromEntries(members)
    }
    return JSON.parse(lexeme)
  }
  return read(0)
}

/** The quote that ends a string: the first one that no odd number of backslashes escapes. */
function endOfString (text: string, start: number): number {
  let end = start
  let escapes: number
  do {
    end = text.indexOf('"', end + 1)
    escapes = 0
    while (text.charCodeAt(end - 1 - escapes) === backslash) escapes++
  } while (escapes % 2 === 1)
  return end
}
