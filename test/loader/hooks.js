import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const root = new URL('../../', import.meta.url)
const name = 'fastify-oauth-resource-server'
const require = createRequire(import.meta.url)
// Another stripper, or another version of it, may give another text.
const stripper = `ts-blank-space ${JSON.parse(readFileSync(require.resolve('ts-blank-space/package.json'), 'utf8')).version}`
const cache = new URL('node_modules/.cache/strip-types/', root)

let blank

/** Loaded only where a file is not in the cache: the parser of TypeScript takes longer than a whole test does. */
function strip (source, path) {
  blank ??= require('ts-blank-space').default
  return blank(source, node => { throw new SyntaxError(`${path}: only types can be stripped, not ${node.getText()}`) })
}

function cached (source, path) {
  const file = new URL(`${createHash('sha256').update(stripper).update('\0').update(source).digest('hex')}.js`, cache)
  try {
    return readFileSync(file, 'utf8')
  } catch {
    const stripped = strip(source, path)
    mkdirSync(cache, { recursive: true })
    // Several processes may be at the same file: each sees a whole one or none.
    const part = new URL(`${file.href}.${process.pid}`)
    writeFileSync(part, stripped)
    renameSync(part, file)
    return stripped
  }
}

/** The package by its own name is its sources, as in tsconfig.json: what package.json exports is built. */
function sourceOf (specifier) {
  if (specifier === name) return new URL('plugins/index.ts', root).href
  if (!specifier.startsWith(`${name}/`)) return null
  const path = specifier.slice(name.length + 1)
  return path.startsWith('sql/') || path === 'package.json' ? null : new URL(`plugins/entry-points/${path}.ts`, root).href
}

export const hooks = {
  resolve (specifier, context, next) {
    const url = sourceOf(specifier)
    return url === null ? next(specifier, context) : { url, format: 'module', shortCircuit: true }
  },
  load (url, context, next) {
    if (!/^file:.*\.ts(?:\?|$)/.test(url)) return next(url, context)
    const path = fileURLToPath(url)
    return { format: 'module', source: cached(readFileSync(path, 'utf8'), path), shortCircuit: true }
  }
}

export const { resolve, load } = hooks
