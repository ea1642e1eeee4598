/**
 * Builds `dist` from nothing. The code of all entry points is bundled into few files: each file that is loaded costs half a
 * millisecond of start-up, and there are hundreds of sources. Code that several entry points need is in files of its own, so
 * that each class exists once. Dependencies are not bundled. Comments are removed from the code; declarations keep those that
 * users read, and declarations that only the package itself uses are removed.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rollup } from 'rollup'
import ts from 'typescript'

const root = fileURLToPath(new URL('../', import.meta.url))
const dist = join(root, 'dist')
const { exports, bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const entryPoints = Object.values(exports).filter(conditions => typeof conditions === 'object')
const [rootEntry, ...otherEntries] = [...entryPoints.map(conditions => conditions.default), ...Object.values(bin)].map(path => join(root, path))

function compile () {
  rmSync(dist, { recursive: true, force: true })
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
  return spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' }).status ?? 1
}

function removeFiles (isRemoved) {
  for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile() && isRemoved(path)) rmSync(path)
  }
}

/** Removes the declarations that those of no entry point import, directly or not. */
function pruneDeclarations () {
  const reached = new Set()
  const reach = path => {
    if (reached.has(path)) return
    reached.add(path)
    for (const [, specifier] of readFileSync(path, 'utf8').matchAll(/(?:\bfrom |\bimport ?\(?)['"](\.[^'"]+)['"]/g)) {
      reach(join(path, '..', specifier.replace(/\.[jt]s$/, '.d.ts')))
    }
  }
  for (const { types } of entryPoints) reach(join(root, types))
  removeFiles(path => path.endsWith('.d.ts') && !reached.has(path))
}

async function bundle () {
  const bundled = await rollup({
    input: Object.fromEntries([rootEntry, ...otherEntries].map(path => [relative(dist, path).replaceAll(sep, '/').replace(/\.js$/, ''), path])),
    external: id => /^[^./]/.test(id),
    treeshake: { moduleSideEffects: false },
    onwarn ({ code, message }) {
      // The helper of TypeScript for an import that is computed: `explain --config` loads a module of the user.
      if (code !== 'THIS_IS_UNDEFINED') throw new Error(message)
    }
  })
  let sharedWithRoot
  const { output } = await bundled.generate({
    chunkFileNames: 'chunks/[name].js',
    // An import for its effects alone would load what `withoutBuiltinImports` avoids.
    hoistTransitiveImports: false,
    // The root loads two files. Rollup alone would make one for each combination of entry points that share something.
    manualChunks (id, { getModuleInfo }) {
      sharedWithRoot ??= findSharedWithRoot(getModuleInfo)
      return sharedWithRoot.has(id) ? 'shared' : undefined
    }
  })
  removeFiles(path => path.endsWith('.js'))
  for (const { fileName, code } of output) ts.sys.writeFile(join(dist, fileName), withoutComments(withoutBuiltinImports(code)), false)
}

/** The modules that are loaded with the root and are also needed by another entry point, or by what the root loads later. */
function findSharedWithRoot (getModuleInfo) {
  const loadedBy = (ids, loaded = new Set()) => {
    for (const id of ids) {
      const info = loaded.has(id) ? null : getModuleInfo(id)
      if (info === null || info.isExternal) continue
      loaded.add(id)
      loadedBy(info.importedIds, loaded)
    }
    return loaded
  }
  const withRoot = loadedBy([rootEntry])
  const later = [...withRoot].flatMap(id => getModuleInfo(id).dynamicallyImportedIds)
  const elsewhere = loadedBy([...otherEntries, ...later])
  return new Set([...withRoot].filter(id => elsewhere.has(id)))
}

/**
 * `import` of a module of Node.js reads each of its exports, and many load something on first use: `node:http` all of undici, for
 * its WebSocket, which takes longer than everything else of an import of this package.
 */
function withoutBuiltinImports (code) {
  return code.replaceAll(/^import (?:([\w$]+)(?:, )?)?(\{.+\})? from '(node:[^']+)';$/gm, (_statement, whole, names, module) =>
    [whole, names?.replaceAll(' as ', ': ')].filter(Boolean).map(name => `const ${name} = process.getBuiltinModule('${module}');`).join(' '))
}

function withoutComments (code) {
  return ts.transpile(code, { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext, removeComments: true })
}

process.exitCode = compile()
if (process.exitCode === 0) {
  pruneDeclarations()
  await bundle()
}
