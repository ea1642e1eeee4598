/**
 * Lists the external links of the documentation, each with the pages that have it. With --fetch it requests each one and prints
 * the status; the tests never do that.
 *
 *     npx tsx scripts/list-links.ts [--fetch]
 */
import { documents, isExternal, linksOf } from '../test/support/documents.ts'

const pages = new Map<string, Set<string>>()
for (const link of documents.flatMap(linksOf).filter(isExternal)) {
  pages.set(link.target, (pages.get(link.target) ?? new Set()).add(link.document))
}

for (const [url, names] of [...pages].sort()) {
  const status = process.argv.includes('--fetch') ? await statusOf(url) : ''
  console.log([status, url, [...names].join(' ')].filter(part => part !== '').join('  '))
}

async function statusOf (url: string): Promise<string> {
  try {
    return String((await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(20_000) })).status)
  } catch (error) {
    return `failed (${(error as Error).message})`
  }
}
