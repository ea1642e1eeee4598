/**
 * Writes docs/reference.md, and the table of reasons in docs/errors.md, from the code's own types and tables:
 *
 *     npm run reference
 *
 * A test fails when they are stale.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { authorizationErrorTable } from '../lib/errors/authorization-error.ts'
import { sessionErrorTable } from '../lib/errors/client-errors.ts'
import { errorTable } from '../lib/errors/error-table.ts'
import { forwardErrorTable } from '../lib/errors/forward-errors.ts'
import { mcpErrorTable } from '../lib/errors/mcp-errors.ts'
import { reasonTable } from '../lib/errors/reason-table.ts'

const root = new URL('../', import.meta.url)

/** Every generated document: its path, and its text as it should be. */
export function generatedDocuments (): Map<string, string> {
  const errors = readFileSync(new URL('docs/errors.md', root), 'utf8')
  return new Map([
    ['docs/reference.md', `${referenceText()}\n`],
    ['docs/errors.md', errors.replace(/(<!-- reasons -->\n)[^]*?(<!-- end -->)/, (_, begin: string, end: string) => `${begin}${reasonsText()}\n${end}`)]
  ])
}

function reasonsText (): string {
  return table(['reason', 'code', 'what it means', 'how to fix it'],
    Object.entries(reasonTable).map(([reason, { code, meaning, fix }]) => [`\`${reason}\``, `\`${code}\``, meaning, fix]))
}

function referenceText (): string {
  return [
    '# Reference',
    'Options and error codes of every entry point. This page is generated from the types and tables of the code\n' +
      '(`npm run reference`). The pages of the [index](README.md) explain how the options are used; [options.md](options.md) and\n' +
      '[errors.md](errors.md) are the two to begin with.',
    ...optionSections(),
    '## Error codes',
    '`status` is that of the response. `error` is what RFC 6749, 6750, 9449 and 9470 call it. The reasons behind the codes are in\n' +
      '[errors.md](errors.md#reasons).',
    errorSection('Resource server', errorTable, ({ oauthError }) => oauthError),
    errorSection('MCP endpoint', mcpErrorTable, ({ rpcCode }) => String(rpcCode), 'JSON-RPC code'),
    errorSection('Proxy', forwardErrorTable),
    errorSection('Client session', sessionErrorTable),
    errorSection('Client authorization', authorizationErrorTable)
  ].join('\n\n')
}

function errorSection<Row extends { statusCode: number, message: string }> (
  title: string, rows: Readonly<Record<string, Row>>, more?: (row: Row) => string | null, name = 'error'
): string {
  const head = ['code', 'status', ...more === undefined ? [] : [name], 'message']
  const lines = Object.entries<Row>(rows).map(([code, row]) => {
    const value = more?.(row)
    return [`\`${code}\``, String(row.statusCode), ...more === undefined ? [] : [value === null ? '' : `\`${value}\``], row.message]
  })
  return `### ${title}\n\n${table(head, lines)}`
}

/** One section for each entry point that has option types, one table for each of these. */
function optionSections (): string[] {
  const entries = ['plugins/index.ts', ...readdirSync(new URL('plugins/entry-points', root), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts')).map(name => `plugins/entry-points/${name.replaceAll('\\', '/')}`).sort()]
  const program = ts.createProgram(entries.map(path => fileURLToPath(new URL(path, root))), readOptions())
  const checker = program.getTypeChecker()
  return entries.flatMap(path => {
    const file = program.getSourceFile(fileURLToPath(new URL(path, root)))!
    const types = checker.getExportsOfModule(checker.getSymbolAtLocation(file)!)
      .filter(({ name }) => /Options$|^ClassifierSettings$|^ServerAssumptions$|^FixedForwardRoute$|^RefusalRedirect$|^ImpersonationEnds$/.test(name))
      .map(symbol => [symbol.name, rowsOf(checker, symbol)] as const)
      .filter(([, rows]) => rows.length > 0)
      .sort(([a], [b]) => Number(b === 'OAuthResourceServerOptions') - Number(a === 'OAuthResourceServerOptions') || (a < b ? -1 : 1))
    if (types.length === 0) return []
    const specifier = path === 'plugins/index.ts' ? '' : path.replace('plugins/entry-points', '').replace('.ts', '')
    return [`## \`fastify-oauth-resource-server${specifier}\``,
      ...types.map(([name, rows]) => `### \`${name}\`\n\n${table(['option', 'type', ''], rows)}`)]
  })
}

/** The options of a type, those that are written down inside of one after it, as `discovery.timeoutMs`. */
function rowsOf (checker: ts.TypeChecker, exported: ts.Symbol): string[][] {
  const symbol = (exported.flags & ts.SymbolFlags.Alias) === 0 ? exported : checker.getAliasedSymbol(exported)
  const rows = (type: ts.Type, prefix: string): string[][] => type.getProperties().flatMap(property => {
    if (property.getJsDocTags().some(({ name }) => name === 'internal')) return []
    const value = checker.getNonNullableType(checker.getTypeOfSymbol(property))
    const inner = (value.isUnion() ? value.types : [value]).filter(part => (part.symbol as ts.Symbol | undefined)?.declarations?.some(ts.isTypeLiteralNode))
    const isRequired = (property.flags & ts.SymbolFlags.Optional) === 0
    const text = ts.displayPartsToString(property.getDocumentationComment(checker)).replace(/\s+/g, ' ').trim()
    const name = `${prefix}${property.name}`
    return [
      [`\`${name}\``, inner.length > 0 ? 'object' : `\`${typeText(property)}\``, [isRequired ? '**Required.**' : '', text].filter(Boolean).join(' ')],
      ...inner.flatMap(part => rows(part, `${name}.`))
    ]
  })
  return rows(checker.getDeclaredTypeOfSymbol(symbol), '')
}

/** As it is written in the declaration. */
function typeText ({ declarations = [] }: ts.Symbol): string {
  const declaration = declarations.find(one => ts.isPropertySignature(one) || ts.isMethodSignature(one))
  const text = declaration === undefined
    ? ''
    : ts.isMethodSignature(declaration)
      ? `(${declaration.parameters.map(one => one.getText()).join(', ')}) => ${declaration.type?.getText() ?? 'void'}`
      : (declaration as ts.PropertySignature).type?.getText() ?? ''
  return text.replace(/\/\*[^]*?\*\//g, '').replace(/\s+/g, ' ').trim()
}

function readOptions (): ts.CompilerOptions {
  const { config } = ts.readConfigFile(fileURLToPath(new URL('tsconfig.json', root)), ts.sys.readFile) as { config: unknown }
  const { rootDir: _, ...options } = ts.parseJsonConfigFileContent(config, ts.sys, fileURLToPath(root)).options
  return options
}

function table (head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`.replaceAll('|  |', '| |')
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, text] of generatedDocuments()) writeFileSync(new URL(path, root), text)
}
