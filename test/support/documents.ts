import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { posix } from 'node:path'

const documentsRoot = new URL('../../', import.meta.url)

/** What users read, by path from the root of the repository. `docs/reference.md` is generated. */
export const documents: readonly string[] = [
  'README.md',
  ...readdirSync(new URL('docs', documentsRoot), { recursive: true, encoding: 'utf8' }).map(name => `docs/${name.replaceAll('\\', '/')}`).filter(name => name.endsWith('.md')).sort(),
  'examples/README.md', 'bench/README.md', 'test/README.md', 'CHANGELOG.md', 'llms.txt', 'CONTRIBUTING.md', 'SECURITY.md'
].filter(path => existsSync(new URL(path, documentsRoot)))

export function textOfDocument (path: string): string {
  return readFileSync(new URL(path, documentsRoot), 'utf8')
}

export interface Link {
  readonly document: string
  readonly target: string
}

/** The links of a document, outside of code. */
export function linksOf (document: string): Link[] {
  const prose = textOfDocument(document).replace(/^```[^]*?^```$/gm, '').replace(/`[^`\n]+`/g, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => ({ document, target: target! }))
}

export function isExternal ({ target }: Link): boolean {
  return /^[a-z]+:/.test(target)
}

/** What is wrong with a relative link; `null` when it leads to a file, and to a heading of it. */
export function faultOf ({ document, target }: Link): string | null {
  const [path = '', anchor] = target.split('#')
  const file = path === '' ? document : posix.join(posix.dirname(document), path)
  if (!existsSync(new URL(file, documentsRoot))) return `${document}: ${target}: there is no ${file}`
  if (anchor !== undefined && !anchorsOf(textOfDocument(file)).has(anchor)) return `${document}: ${target}: ${file} has no heading for #${anchor}`
  return null
}

/** The anchors of the headings, as GitHub makes them. */
export function anchorsOf (markdown: string): Set<string> {
  const anchors = new Set<string>()
  for (const [, heading] of markdown.replace(/^```[^]*?^```$/gm, '').matchAll(/^#{1,6} (.+)$/gm)) {
    const plain = heading!.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '').trim().replace(/\s/g, '-')
    let anchor = plain
    for (let i = 1; anchors.has(anchor); i++) anchor = `${plain}-${i}`
    anchors.add(anchor)
  }
  return anchors
}
