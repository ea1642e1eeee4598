/**
 * Builds `dist` from nothing and removes what no entry point reaches: declarations that only the package itself uses, and the
 * code of files that have nothing but types. Comments are removed from the code that is left: declarations have those that
 * users read.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = new URL('../', import.meta.url)
const dist = new URL('dist/', root)

function compile () {
  rmSync(dist, { recursive: true, force: true })
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
  return spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: fileURLToPath(root), stdio: 'inherit' }).status ?? 1
}

/** Adds a file and everything that it imports, its declarations from declarations. */
function reach (file, extension, reached) {
  if (reached.has(file)) return
  reached.add(file)
  for (const [, specifier] of readFileSync(new URL(file), 'utf8').matchAll(/(?:\bfrom |\bimport ?\(?)['"](\.[^'"]+)['"]/g)) {
    reach(new URL(specifier.replace(/\.[jt]s$/, extension), file).href, extension, reached)
  }
}

function prune () {
  const { exports, bin } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))
  const reached = new Set()
  for (const conditions of Object.values(exports)) {
    if (typeof conditions === 'string') continue
    reach(new URL(conditions.default, root).href, '.js', reached)
    reach(new URL(conditions.types, root).href, '.d.ts', reached)
  }
  for (const program of Object.values(bin)) reach(new URL(program, root).href, '.js', reached)
  for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = new URL(`${entry.parentPath.replaceAll('\\', '/').replace(/.*\/dist(?=\/|$)/, './dist')}/${entry.name}`, root)
    if (!reached.has(file.href)) rmSync(file)
    else if (entry.name.endsWith('.js')) writeFileSync(file, withoutComments(readFileSync(file, 'utf8')))
  }
}

function withoutComments (code) {
  return ts.transpile(code, { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext, removeComments: true })
}

process.exitCode = compile()
if (process.exitCode === 0) prune()
