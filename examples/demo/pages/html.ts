/** Markup that is safe to put into a page: what came from outside is escaped in it. */
export class Html {
  readonly #text: string

  constructor (text: string) { this.#text = text }

  toString (): string { return this.#text }
}

type Part = Html | string | ReadonlyArray<Html | string>

/** A template whose values are escaped, unless they are markup themselves. */
export function html (strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(String.raw({ raw: strings }, ...parts.map(part => [part].flat().map(escape).join(''))))
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function escape (part: Html | string): string {
  return part instanceof Html ? part.toString() : part.replace(/[&<>"']/g, character => entities[character]!)
}
