/**
 * Prints how many of the cases that test/README.md explains are named by tests:
 *
 *     node scripts/list-cases.js [the tests' folder]
 *
 * A case counts once, however many tests name it. With --all each case is listed with the files that name it.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

const folder = process.argv.slice(2).find(argument => !argument.startsWith('--')) ?? 'test'
const code = /\b(R\d{4}|MCP[SCD]|RFSH|JWKS|GG|[CT]-|[HRGSFABCDE](?=\d))-?(\d{1,3})\b(?!\.\d)/g
// Names of algorithms and ciphers look like cases.
const isCase = (kind, number) => !(/^[A-Z]$/.test(kind) && (Number(number) > 110 || Number(number) === 0))
const files = new Map()

function note (text, file) {
  for (const [, kind, number] of text.matchAll(code)) {
    if (!isCase(kind, number)) continue
    const name = `${kind} ${number.padStart(3, '0')}`
    files.set(name, (files.get(name) ?? new Set()).add(file))
  }
}

for (const path of readdirSync(folder, { recursive: true }).filter(path => path.endsWith('.test.ts'))) {
  const visit = node => {
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)) note(node.text, path)
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(path, readFileSync(join(folder, path), 'utf8'), ts.ScriptTarget.Latest))
}

const names = [...files.keys()].sort()
const kinds = [...new Set(names.map(name => name.split(' ')[0]))]
for (const kind of kinds) console.log(`${kind.padEnd(6)}${String(names.filter(name => name.startsWith(`${kind} `)).length).padStart(5)}`)
console.log(`all   ${String(names.length).padStart(5)}`)
if (process.argv.includes('--all')) for (const name of names) console.log(name.replace(' ', '-'), [...files.get(name)].join(' '))
