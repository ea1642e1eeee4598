import { isBuiltin } from 'node:module'
import { posix } from 'node:path'
import ts from 'typescript'

/** Source files by their path from the root of the package, as they are or as a test makes them up. */
export type SourceTree = ReadonlyMap<string, string>

/** What of a package.json the rules look at. */
export interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, unknown>>>>
  readonly bin?: Readonly<Record<string, string>>
  readonly typesVersions?: { readonly '*': Readonly<Record<string, readonly string[]>> }
}

/** A rule says what is wrong with a tree, a sentence for each violation. */
export type Rule = (tree: SourceTree, manifest: Manifest) => string[]

interface Reference {
  readonly from: string
  /** `null` when it is no string literal, so that nobody can tell what is loaded. */
  readonly specifier: string | null
  readonly kind: 'import' | 'type import' | 're-export' | 'augmentation'
}

const root = 'plugins/index.ts'

/** What package.json exports: each file lists the public names of one part, and has no code of its own. */
function isEntryPoint (path: string): boolean {
  return path === root || path.startsWith('plugins/entry-points/')
}

/** What several plugins need and is about Fastify: below all of them. */
function isShared (path: string): boolean {
  return path.startsWith('plugins/shared/')
}

/**
 * The layers of lib, lowest first. A layer may import itself and those of the rows above its own; those that share a row
 * do not know each other.
 */
const layers: ReadonlyArray<readonly string[]> = [
  ['clock', 'time-limit', 'parse-json'],
  ['errors'],
  ['options'],
  ['identifier', 'jwk-thumbprint'],
  ['challenge', 'http', 'stores'],
  ['metadata'],
  ['client'],
  ['token'],
  ['proof', 'policy'],
  ['impersonation', 'mcp', 'forward', 'shared-signals'],
  ['audit', 'openapi', 'oidc-provider'],
  ['config'],
  ['refusal'],
  ['resource'],
  ['testing'],
  ['doctor']
]

/** What holds the shape of the tree, each by what it promises. */
export const rules: Readonly<Record<string, Rule>> = {
  'what is loaded can be read from the source': everyImportIsALiteral,
  'imports point down': importsPointDown,
  'lib knows no Fastify': libKnowsNoFastify,
  'no plugin imports another one': noPluginImportsAnother,
  'the layers of lib': layersOfLib,
  'no cycles': noCycles,
  'runtime dependencies are those of package.json': dependenciesAreDeclared,
  'TypeBox is not loaded at run time': typeBoxIsNotLoaded,
  'no barrel files': noBarrels,
  'entry points list names and have no code': entryPointsListNames,
  'every entry point is exported, and everything exported is there': entryPointsAreExported,
  'no dead files': noDeadFiles,
  'files are of a size to be read': filesAreReadable,
  'lib/client stays a house that one can walk through': clientStaysSmall
}

/** It loads a module of the user: the configuration that a token is explained by. */
const loadsTheUsersModule = 'lib/doctor/explain/sources.ts'

function everyImportIsALiteral (tree: SourceTree): string[] {
  return referencesOf(tree).filter(({ from, specifier }) => specifier === null && from !== loadsTheUsersModule).map(({ from }) => `${from} computes what it imports`)
}

function importsPointDown (tree: SourceTree): string[] {
  const violations: string[] = []
  for (const { from, specifier, to } of internalReferencesOf(tree)) {
    if (!tree.has(to)) violations.push(`${from} imports ${specifier}, which is not a file of lib or plugins`)
    else if (folderOf(from) === 'lib' && folderOf(to) !== 'lib') violations.push(`${from} imports ${to}`)
  }
  return violations
}

function libKnowsNoFastify (tree: SourceTree): string[] {
  return referencesOf(tree)
    .filter(({ from, specifier }) => folderOf(from) === 'lib' && /^(?:@fastify\/|fastify(?:$|[-/]))/.test(specifier ?? ''))
    .map(({ from, specifier }) => `${from} knows ${specifier}`)
}

function noPluginImportsAnother (tree: SourceTree): string[] {
  return internalReferencesOf(tree)
    .filter(({ from, to }) => folderOf(from) === 'plugins' && folderOf(to) === 'plugins')
    .filter(({ from, to }) => isShared(to) ? isEntryPoint(from) : !isEntryPoint(from) || isEntryPoint(to))
    .map(({ from, to }) => `${from} imports ${to}`)
}

function layersOfLib (tree: SourceTree): string[] {
  const files = [...tree.keys()].filter(path => folderOf(path) === 'lib')
  const violations = files.filter(path => rankOf(path) === -1).map(path => `${path} is in no layer`)
  for (const { from, to } of internalReferencesOf(tree)) {
    if (folderOf(from) !== 'lib' || folderOf(to) !== 'lib' || layerOf(from) === layerOf(to)) continue
    if (rankOf(to) >= rankOf(from)) violations.push(`${from} imports ${to}`)
  }
  return violations
}

function noCycles (tree: SourceTree): string[] {
  const imports = importsByFile(tree)
  const done = new Set<string>()
  const violations: string[] = []
  const visit = (path: string, way: readonly string[]): void => {
    if (way.includes(path)) {
      violations.push([...way.slice(way.indexOf(path)), path].join(' → '))
      return
    }
    if (done.has(path)) return
    for (const next of imports.get(path) ?? []) visit(next, [...way, path])
    done.add(path)
  }
  for (const path of tree.keys()) visit(path, [])
  return violations
}

function dependenciesAreDeclared (tree: SourceTree, { dependencies = {}, devDependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} }: Manifest): string[] {
  const declared = new Set([...Object.keys(dependencies), ...Object.keys(peerDependencies)])
  const used = new Set<string>()
  const violations: string[] = []
  for (const { from, specifier, kind } of referencesOf(tree)) {
    if (specifier === null || specifier.startsWith('.')) continue
    if (specifier.startsWith('node:') && isBuiltin(specifier)) continue
    const name = specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
    used.add(name)
    // Types alone are erased. That no published declaration names such a package is held by the package test.
    if (kind === 'type import' && name in devDependencies) continue
    if (!declared.has(name)) violations.push(`${from} imports ${specifier}, which package.json does not declare`)
  }
  // What is optional is met at run time, when the host has it.
  for (const name of declared) if (!used.has(name) && peerDependenciesMeta[name]?.optional !== true) violations.push(`package.json declares ${name}, which nothing imports`)
  return violations
}

/** Loading it takes longer than loading Fastify: its types are used, and its notation by `lib/options/type.ts`. */
function typeBoxIsNotLoaded (tree: SourceTree): string[] {
  return referencesOf(tree)
    .filter(({ specifier, kind }) => /^typebox(?:\/|$)/.test(specifier ?? '') && kind !== 'type import')
    .map(({ from, specifier }) => `${from} loads ${specifier}`)
}

function noBarrels (tree: SourceTree): string[] {
  const named = [...tree.keys()].filter(path => path !== root && posix.basename(path) === 'index.ts')
    .map(path => `${path} is named like a barrel`)
  const reExports = referencesOf(tree).filter(({ from, kind }) => kind === 're-export' && !isEntryPoint(from))
    .map(({ from, specifier }) => `${from} exports from ${specifier}`)
  return [...named, ...reExports]
}

/** The root is the composed plugin as well. */
function entryPointsListNames (tree: SourceTree): string[] {
  const violations: string[] = []
  for (const [path, text] of tree) {
    if (path === root || !isEntryPoint(path)) continue
    for (const statement of ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true).statements) {
      const lists = ts.isExportDeclaration(statement) && statement.moduleSpecifier !== undefined && statement.exportClause !== undefined
      if (!lists) violations.push(`${path} has code: ${statement.getText().split('\n', 1)[0]!}`)
    }
  }
  return violations
}

function entryPointsAreExported (tree: SourceTree, { exports = {}, typesVersions }: Manifest): string[] {
  const built = Object.values(exports).flatMap(conditions => [...JSON.stringify(conditions).matchAll(/"\.\/dist\/([^"]+?)\.(?:d\.ts|js)"/g)].map(match => `${match[1]!}.ts`))
  const exported = new Set(built)
  return [
    ...[...tree.keys()].filter(path => isEntryPoint(path) && !exported.has(path)).map(path => `package.json does not export ${path}`),
    ...[...exported].filter(path => !tree.has(path)).map(path => `package.json exports ${path}, which is not there`),
    // TypeScript reads `exports` only where moduleResolution is not "node10".
    ...Object.entries(exports).flatMap(([path, conditions]) => {
      if (path === '.' || typeof conditions === 'string' || typesVersions?.['*'][path.slice(2)]?.[0] === conditions.types) return []
      return [`package.json has no typesVersions for ${path}`]
    })
  ]
}

function noDeadFiles (tree: SourceTree, { bin = {} }: Manifest): string[] {
  const imports = importsByFile(tree)
  const reached = new Set<string>()
  const reach = (path: string): void => {
    if (reached.has(path)) return
    reached.add(path)
    imports.get(path)?.forEach(reach)
  }
  for (const path of tree.keys()) if (isEntryPoint(path)) reach(path)
  for (const program of Object.values(bin)) reach(program.replace(/^dist\//, '').replace(/\.js$/, '.ts'))
  return [...tree.keys()].filter(path => !reached.has(path)).map(path => `${path} is not reached from an entry point`)
}

/** Files below the least size, each with its reason. What has one importer and no test of its own belongs to its importer. */
const shortFiles: ReadonlyMap<string, string> = new Map([
  ['lib/stores/connections/memory-connection-store.ts', 'one file for each kind of store']
])

function filesAreReadable (tree: SourceTree): string[] {
  return [...tree].flatMap(([path, text]) => {
    const lines = text.trimEnd().split('\n').length
    if (lines > 260) return [`${path} has ${lines} lines, and 260 are enough`]
    if (lines >= 15) return shortFiles.has(path) ? [`${path} has ${lines} lines and needs no reason for being short`] : []
    return shortFiles.has(path) || isEntryPoint(path) ? [] : [`${path} has ${lines} lines: merge it with what imports it`]
  })
}

function clientStaysSmall (tree: SourceTree): string[] {
  const files = [...tree.keys()].filter(path => path.startsWith('lib/client/')).length
  return files <= 32 ? [] : [`lib/client has ${files} files`]
}

function folderOf (path: string): string {
  return path.split('/', 1)[0]!
}

/** `lib/token/jwt.ts` is of the layer `token`, `lib/errors.ts` of the layer `errors`. */
function layerOf (path: string): string {
  return path.split('/')[1]!.replace(/\.ts$/, '')
}

function rankOf (path: string): number {
  return layers.findIndex(row => row.includes(layerOf(path)))
}

function importsByFile (tree: SourceTree): Map<string, string[]> {
  const imports = new Map<string, string[]>()
  for (const { from, to } of internalReferencesOf(tree)) imports.set(from, [...imports.get(from) ?? [], to])
  return imports
}

function internalReferencesOf (tree: SourceTree): Array<{ from: string, specifier: string, to: string }> {
  return referencesOf(tree).flatMap(({ from, specifier }) => {
    if (specifier === null || !specifier.startsWith('.')) return []
    return [{ from, specifier, to: posix.join(posix.dirname(from), specifier) }]
  })
}

/** Types count as much as values: a layer that knows another's types knows it. */
function referencesOf (tree: SourceTree): Reference[] {
  return [...tree].flatMap(([from, text]) => {
    const references: Reference[] = []
    const add = (kind: Reference['kind'], specifier: ts.Node | undefined): void => {
      references.push({ from, kind, specifier: specifier !== undefined && ts.isStringLiteralLike(specifier) ? specifier.text : null })
    }
    const visit = (node: ts.Node): void => {
      if (ts.isImportDeclaration(node)) add(node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword ? 'type import' : 'import', node.moduleSpecifier)
      else if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) add('re-export', node.moduleSpecifier)
      else if (ts.isExternalModuleReference(node)) add('import', node.expression)
      else if (ts.isImportTypeNode(node)) add('import', ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined)
      else if (ts.isModuleDeclaration(node) && ts.isStringLiteral(node.name)) add('augmentation', node.name)
      else if (ts.isCallExpression(node) && isLoader(node.expression)) add('import', node.arguments[0])
      ts.forEachChild(node, visit)
    }
    const file = ts.createSourceFile(from, text, ts.ScriptTarget.Latest)
    for (const { fileName } of [...file.typeReferenceDirectives, ...file.referencedFiles]) {
      references.push({ from, kind: 'import', specifier: fileName })
    }
    visit(file)
    return references
  })
}

function isLoader (callee: ts.Expression): boolean {
  return callee.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(callee) && callee.text === 'require')
}
