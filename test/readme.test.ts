import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { test } from 'tap'
import ts from 'typescript'
import { sessionErrorTable } from '../lib/errors/client-errors.ts'
import { errorTable } from '../lib/errors/error-table.ts'
import { reasonTable } from '../lib/errors/reason-table.ts'
import { authorizationErrorTable } from '../lib/errors/authorization-error.ts'
import { forwardErrorTable } from '../lib/errors/forward-errors.ts'
import { mcpErrorTable } from '../lib/errors/mcp-errors.ts'
import { runNode } from './support/child.ts'
import { documents as allDocuments, textOfDocument } from './support/documents.ts'
import { loader } from './support/loader.ts'
import { missingUnix } from './support/unix.ts'

const root = fileURLToPath(new URL('../', import.meta.url))
const entryPoints = [
  'plugins/index.ts',
  ...readdirSync(join(root, 'plugins/entry-points'), { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts')).map(name => `plugins/entry-points/${name}`)
].map(path => join(root, path))

/** What users read: the README, and a page for each part that is too long for it. The reference is generated from what is compared here. */
const documents = allDocuments.filter(path => path !== 'docs/reference.md' && (path === 'README.md' || path === 'llms.txt' || path.startsWith('docs/')))
const words = documents.map(textOfDocument).join('\n')

interface Snippet {
  /** What stands behind the fence: a language and, for us, what to do with it. */
  readonly info: string
  readonly document: string
  /** The line of the document that its first line is. */
  readonly line: number
  readonly code: string
  /** The file that the comment above it says it is a copy of. */
  readonly copyOf: string | null
}

function snippetsOf (document: string): Snippet[] {
  const markdown = textOfDocument(document)
  return [...markdown.matchAll(/^(?:<!-- (\S+) -->\n)?```(.*)\n([^]*?)^```$/gm)].map(match => {
    const [whole, copyOf = null, info, code] = match as unknown as [string, string | undefined, string, string]
    const before = markdown.slice(0, match.index + whole.indexOf('```'))
    return { info: info.trim(), document, line: before.split('\n').length + 1, code, copyOf }
  })
}

const snippets = documents.flatMap(snippetsOf)
const typescript = snippets.filter(({ info }) => /^ts\b/.test(info))

// By its `paths`, tsconfig.json puts the sources in the place of the package.
const { rootDir, ...projectOptions } = readOptions()
const compilerOptions: ts.CompilerOptions = { ...projectOptions, moduleDetection: ts.ModuleDetectionKind.Force }

function readOptions (): ts.CompilerOptions {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile) as { config: unknown }
  return ts.parseJsonConfigFileContent(config, ts.sys, root).options
}

/** The words that stand in code and not in prose: `scopes` is a word, too. */
const namesInCode = new Set(
  [...snippets.map(({ code }) => code), ...words.replace(/^```[^]*?^```$/gm, '').match(/`[^`\n]+`/g) ?? []].join(' ').split(/\W+/))

const fileNameOf = ({ document, line }: Snippet): string => `${document.replace(/\.\w+$/, '').replaceAll('/', '-')}-line-${line}.ts`
const placeOf = ({ document, line }: Snippet, offset = 0): string => `${document}:${line + offset}`

test('the README has snippets of every kind', t => {
  t.ok(typescript.length > 0, 'snippets in TypeScript')
  t.ok(typescript.some(({ info }) => info === 'ts run'), 'some of them run')
  t.same(typescript.filter(({ info }) => info !== 'ts' && info !== 'ts run'), [], 'and there is no third kind')
  t.end()
})

test('the commands at its top are those that work', t => {
  t.same(snippets.filter(({ info }) => info === 'sh').slice(0, 2).map(({ code }) => code.trim()),
    ['npm ci && npm start', 'npm ci && npm test'])
  t.end()
})

test('snippets compile against the sources', t => {
  const folder = t.testdir(Object.fromEntries(typescript.map(snippet => [fileNameOf(snippet), snippet.code])))
  const files = typescript.map(snippet => join(folder, fileNameOf(snippet)))
  const program = ts.createProgram(files, compilerOptions)
  const complaints = ts.getPreEmitDiagnostics(program).map(({ file, start = 0, messageText }) => {
    const text = ts.flattenDiagnosticMessageText(messageText, '\n')
    if (file === undefined) return text
    const line = file.getLineAndCharacterOfPosition(start).line
    const snippet = typescript.find(one => fileNameOf(one) === basename(file.fileName))
    return snippet === undefined ? `${file.fileName}:${line + 1} ${text}` : `${placeOf(snippet, line)} ${text}`
  })
  t.same(complaints, [])
  t.end()
})

// All in one process: most of the time of one of its own went into loading the package once more.
test('snippets that say so run', { timeout: 120_000, skip: missingUnix('env') }, async t => {
  const run = typescript.filter(({ info }) => info === 'ts run')
  const folder = t.testdir({
    'run.mjs': 'for (const file of process.argv.slice(2)) await import(file).then(() => console.log(file))',
    ...Object.fromEntries(run.map(snippet => [fileNameOf(snippet), snippet.code]))
  })
  const files = run.map(snippet => pathToFileURL(join(folder, fileNameOf(snippet))).href)
  const { exitCode, stdout, stderr } = await runNode([...loader, join(folder, 'run.mjs'), ...files], { cwd: root })
  const ended = stdout.split('\n')
  for (const [i, file] of files.entries()) t.ok(ended.includes(file), placeOf(run[i]!))
  t.same({ exitCode, stderr }, { exitCode: 0, stderr: '' }, 'and nothing is left open')
})

test('snippets that are copies of a file still are', t => {
  const copies = snippets.filter(({ copyOf }) => copyOf !== null)
  for (const snippet of copies) {
    const { copyOf, code } = snippet
    const path = join(root, copyOf!)
    t.equal(existsSync(path) ? readFileSync(path, 'utf8') : null, code, `${placeOf(snippet)} is ${copyOf}`)
  }
  t.end()
})

test('every error code is explained', t => {
  for (const code of [...Object.keys(errorTable), ...Object.keys(mcpErrorTable), ...Object.keys(forwardErrorTable)]) t.ok(namesInCode.has(code), code)
  for (const [code, { reason }] of Object.entries(mcpErrorTable)) t.ok(words.includes(`| \`${code}\` | \`${reason}\` |`), reason)
  t.end()
})

test('every error code of a session is explained', t => {
  for (const code of Object.keys(sessionErrorTable)) t.ok(namesInCode.has(code), code)
  t.end()
})

test('the table of reasons is that of the package (F22)', t => {
  const documented = [...words.matchAll(/^\| `(\w+)` \| `(FST_OAUTH_\w+)` \| ([^|]*) \| ([^|]*) \|$/gm)].map(([, reason, code, meaning, fix]) => ({ reason, code, meaning, fix }))
  t.strictSame(documented, Object.entries(reasonTable).map(([reason, row]) => ({ reason, ...row })))
  t.end()
})

test('every error code of an authorization is explained', t => {
  const documented = [...words.matchAll(/^\| `(\w+)` \| ([^|]*) \| [^|]+ \|$/gm)].map(([, code, meaning]) => ({ code, meaning }))
  for (const [code, { message }] of Object.entries(authorizationErrorTable)) t.ok(documented.some(one => one.code === code && one.meaning === message), code)
  t.end()
})

test('every option is explained', t => {
  const program = ts.createProgram(entryPoints, compilerOptions)
  const checker = program.getTypeChecker()
  const exported = new Map(entryPoints.flatMap(path => checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(path)!)!)).map(symbol => [symbol.name, symbol]))
  const names = [
    'OAuthResourceServerOptions', 'IssuerOptions', 'CustomTokensOptions', 'ScopeOptions', 'RouteOptions',
    'ImpersonationGuardOptions', 'GuardedRouteOptions', 'ImpersonatedTokenOptions', 'ImpersonationEnds', 'CachingDirectoryOptions', 'RefusalRedirect',
    'McpOptions',
    'PostgresOrganizationDirectoryOptions', 'RedisTokenStoreOptions', 'RedisRevocationStoreOptions', 'FileTokenStoreOptions', 'MemoryReplayStoreOptions', 'RedisReplayStoreOptions',
    'SessionOptions', 'RefreshOptions', 'ClientFetchOptions', 'ClassifierSettings',
    'ConnectOptions', 'ServerAssumptions', 'LoopbackRedirectOptions', 'GuardedFetchOptions', 'FileConnectionStoreOptions', 'RedisConnectionStoreOptions', 'ClientDocumentOptions',
    'ForwardOptions', 'FixedForwardRoute', 'ForwardTargetOptions'
  ]
    .flatMap(name => optionsOf(checker, exported.get(name)!))
  t.ok(names.includes('resource') && names.includes('timeoutMs'), 'the names are found')
  for (const name of names) t.ok(namesInCode.has(name), name)
  t.end()
})

/** The names of the options of an exported type, and of those that are written down inside of it. */
function optionsOf (checker: ts.TypeChecker, exported: ts.Symbol): string[] {
  const symbol = (exported.flags & ts.SymbolFlags.Alias) === 0 ? exported : checker.getAliasedSymbol(exported)
  const namesIn = (type: ts.Type): string[] => type.getProperties().flatMap(property => {
    const value = checker.getNonNullableType(checker.getTypeOfSymbol(property))
    const parts = value.isUnion() ? value.types : [value]
    const inner = parts.filter(part => (part.symbol as ts.Symbol | undefined)?.declarations?.some(ts.isTypeLiteralNode))
    return [property.name, ...inner.flatMap(namesIn)]
  })
  return namesIn(checker.getDeclaredTypeOfSymbol(symbol))
}
