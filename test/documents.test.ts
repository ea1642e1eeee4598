import { test } from 'tap'
import { generatedDocuments } from '../scripts/reference.ts'
import { anchorsOf, documents, faultOf, isExternal, linksOf, textOfDocument } from './support/documents.ts'

test('relative links of the documentation lead to a file and to a heading of it', t => {
  const links = documents.flatMap(linksOf).filter(link => !isExternal(link))
  t.ok(links.length > 100, `${links.length} links`)
  t.same(links.map(faultOf).filter(fault => fault !== null), [])
  t.end()
})

test('a link to a file or a heading that does not exist is found', t => {
  t.match(faultOf({ document: 'docs/README.md', target: 'nowhere.md' }), 'there is no docs/nowhere.md')
  t.match(faultOf({ document: 'docs/README.md', target: '#nowhere' }), 'docs/README.md has no heading for #nowhere')
  t.equal(faultOf({ document: 'docs/README.md', target: '../README.md#quick-start' }), null)
  t.same([...anchorsOf('# A `b`: c, d\n\n## [X](y)\n\n## x\n\n```\n# no heading\n```\n')], ['a-b-c-d', 'x', 'x-1'])
  t.end()
})

test('external links are https', t => {
  // scripts/list-links.ts lists them; nothing is fetched here.
  t.same(documents.flatMap(linksOf).filter(link => isExternal(link) && !link.target.startsWith('https://')), [])
  t.end()
})

test('no page has the marks of a merge that was not finished', t => {
  t.same(documents.filter(path => /^(?:<{7}|>{7}) /m.test(textOfDocument(path))), [])
  t.end()
})

test('every page of docs is in the index', t => {
  const index = new Set(linksOf('docs/README.md').map(({ target }) => `docs/${target.split('#')[0]}`))
  t.same(documents.filter(path => path.startsWith('docs/') && path !== 'docs/README.md' && !index.has(path)), [])
  t.end()
})

test('generated pages are those that npm run reference writes', t => {
  for (const [path, text] of generatedDocuments()) t.ok(textOfDocument(path) === text, `${path} is up to date; otherwise: npm run reference`)
  t.end()
})
