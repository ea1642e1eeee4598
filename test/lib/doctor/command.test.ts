import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { test } from 'tap'
import { parseArguments } from '../../../lib/doctor/command/arguments.ts'
import type { CommandProcess } from '../../../lib/doctor/command/command.ts'
import { runCommand } from '../../../lib/doctor/command/command.ts'
import type { ProgramProcess } from '../../../lib/doctor/command/main.ts'
import { runProgram } from '../../../lib/doctor/command/main.ts'
import { printExplanation } from '../../../lib/doctor/command/print-explanation.ts'
import type { TokenInput } from '../../../lib/doctor/command/read-token.ts'
import { parseToken, readToken } from '../../../lib/doctor/command/read-token.ts'
import { styleFor, wrap } from '../../../lib/doctor/command/style.ts'
import type { TokenExplanation } from '../../../lib/doctor/explain/explain-token.ts'
import { ignoreListenError } from '../../../lib/doctor/explain/sources.ts'
import type { DoctorTarget } from '../../support/doctor-target.ts'
import { challenges, documentOf, startDoctorTarget } from '../../support/doctor-target.ts'
import { selfSigned } from '../../support/self-signed.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const program = join(root, 'lib/doctor/command/main.ts')

interface Ran { readonly exitCode: number, readonly stdout: string, readonly stderr: string }

async function * chunksOf (text: string): AsyncGenerator<string> {
  yield text
}

async function command (args: readonly string[], { stdin = '', tty = false, env = {}, columns }: { stdin?: string, tty?: boolean, env?: CommandProcess['env'], columns?: number } = {}): Promise<Ran> {
  let stdout = ''
  let stderr = ''
  const terminal = { isTTY: tty, ...columns !== undefined && { columns } }
  const exitCode = await runCommand(args, {
    stdin: chunksOf(stdin), stdout: { ...terminal, write: text => { stdout += text } }, stderr: { ...terminal, write: text => { stderr += text } }, env
  })
  return { exitCode, stdout, stderr }
}

const breakChallenge = (target: DoctorTarget): void => {
  target.fault = (answer, { part, credentials }) => { if (part === 'api' && credentials.length === 0) answer.headers['www-authenticate'] = challenges(target).map(one => one.replace(/resource_metadata="[^"]*", /, '')) }
}

test('the report puts what does not hold first, with why and how to fix it', async t => {
  const target = await startDoctorTarget(t)
  breakChallenge(target)
  const { stdout, exitCode } = await command(['check', target.resource])
  t.equal(exitCode, 1)
  t.match(stdout, /\n✗ 2 do not hold {3}✓ \d+ hold/)
  t.match(stdout, /\n\n✗ The challenge has resource_metadata, an absolute https URL\n {2}found {3}there is no resource_metadata\n {2}sent {4}GET http/)
  t.match(stdout, /\n {2}why {5}A client that knows only the URL[^]*\n {2}fix {5}Add resource_metadata=[^]*\n {2}RFC 9728 section 5.1 · challenge-pointer\n/)
  const one = await command(['check', target.resource, '--no-mcp'])
  t.match(one.stdout, /\n✗ 1 does not hold/)
  t.match(one.stdout, /\n– MCP +the URL is not an MCP endpoint/)
  const verbose = await command(['check', target.resource, '--verbose', '--no-mcp'])
  t.match(verbose.stdout, /\n {4}✓ The server answers: it answers \(reachable\)\n {8}GET http[^]*\n {8}401/)
  t.match(verbose.stdout, /\n– MCP +does not apply\n {4}– initialize/)
})

test('recommendations fail only with --strict, as what could not be checked', async t => {
  const target = await startDoctorTarget(t)
  target.fault = (answer, { part }) => { if (part === 'document') delete answer.headers['cache-control'] }
  t.equal((await command(['check', target.resource])).exitCode, 0)
  const strict = await command(['check', target.resource, '--strict'])
  t.equal(strict.exitCode, 1)
  t.match(strict.stdout, /! 1 recommended[^]*\n! It says how long it may be cached/)
  target.fault = (answer, { part }) => { if (part === 'document') answer.body = JSON.stringify({ ...documentOf(target), authorization_servers: ['https://10.1.2.3'] }) }
  const unknown = await command(['check', target.resource])
  t.match(unknown, { exitCode: 0, stdout: /\? \d could not be checked[^]*\? Could not be checked: .*was not read.*\n {4}The metadata of the authorization server[^]*\(issuer-metadata\)\n/ })
  t.equal((await command(['check', target.resource, '--strict'])).exitCode, 1)
  target.fault = null
  t.equal((await command(['check', target.resource, '--strict', '--quiet'])).exitCode, 0)
  t.match(await command(['check', 'http://localhost:1/']), { exitCode: 2, stdout: /✗ The server answers\n {2}found {3}network/ })
})

test('colours are for terminals, and not with NO_COLOR', async t => {
  const target = await startDoctorTarget(t)
  target.fault = (answer, { part }) => { if (part === 'issuer') answer.body = answer.body.replace('registration_endpoint', 'x') }
  const coloured = await command(['check', target.resource], { tty: true, columns: 60 })
  t.ok(coloured.stdout.includes('\u001b[32m✓'))
  t.ok(coloured.stderr.startsWith('\r\u001b[2K1/') && coloured.stderr.endsWith('\r\u001b[2K'), 'one line that changes, and is gone at the end')
  t.ok(coloured.stderr.split('\r').every(line => line.length < 66), 'no longer than the terminal is wide')
  t.match(coloured.stdout, /login: no, register each client beforehand/)
  t.notOk((await command(['check', target.resource, '--quiet'], { tty: true, env: { NO_COLOR: '1' } })).stdout.includes('\u001b['))
  t.equal(styleFor(false, { FORCE_COLOR: '1' }).bold('x'), '\u001b[1mx\u001b[22m')
  t.equal(styleFor(true, { TERM: 'dumb' }).dim('x'), 'x')
  for (const name of ['bold', 'dim', 'red', 'green', 'yellow'] as const) t.match(styleFor(true, {})[name]('x').split('\u001b'), ['', /^\[\d+mx$/, /^\[\d+m$/])
  t.end()
})

test('lines are wrapped between words, with their indent', t => {
  t.equal(wrap('one two three', '  a ', 12), '  a one two\n    three')
  t.equal(wrap('averyverylongword b', '- ', 10), '- averyverylongword\n  b')
  fc.assert(fc.property(fc.array(fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 20 }).filter(word => !word.includes(' ')), { minLength: 1 }), fc.integer({ min: 10, max: 60 }), (words, width) => {
    const lines = wrap(words.join(' '), '  x ', width).split('\n').map(line => line.slice(4))
    return lines.join(' ') === words.join(' ') && lines.every(line => line.length + 4 <= width || !line.includes(' '))
  }))
  t.end()
})

test('explain takes options from JSON, from a module or from an app', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'doctor-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const target = await startDoctorTarget(t)
  const options = { resource: target.resource, authorizationServers: [target.issuer] }
  const files = {
    'options.json': JSON.stringify(options),
    'default.mjs': `export default ${JSON.stringify(options)}`,
    'named.mjs': `export const options = ${JSON.stringify(options)}`,
    'function.mjs': `export default async () => (${JSON.stringify(options)})`,
    'app.mjs': `
      import Fastify from ${JSON.stringify(pathToFileURL(join(root, 'node_modules/fastify/fastify.js')).href)}
      import plugin from ${JSON.stringify(pathToFileURL(join(root, 'plugins/index.ts')).href)}
      export const app = Fastify()
      app.register(plugin, ${JSON.stringify(options)})`,
    'bare-app.mjs': 'export default { ready () {}, close () {} }',
    'nothing.mjs': 'export const other = 1',
    'listening.mjs': "throw Object.assign(new Error('listen EADDRINUSE'), { syscall: 'listen' })",
    'list.json': '[]',
    'broken.json': '{',
    'secret.json': JSON.stringify({ ...options, resource: 'not a URL' })
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  const explain = async (name: string, token: string): Promise<Ran> => await command(['explain', '--config', join(folder, name)], { stdin: token })
  for (const name of ['options.json', 'default.mjs', 'named.mjs', 'function.mjs', 'app.mjs']) {
    const { exitCode, stdout, stderr } = await explain(name, target.token({ scope: 'read' }))
    t.equal(exitCode, 0, `${name} ${stderr}`)
    t.match(stdout, /^✓ The token is accepted\n {2}for .*\n\n {2}issuer {4}http.*\n {2}subject {3}ann\n {2}client {4}client\n {2}audience {2}http.*\n {2}scopes {4}read\n {2}expires {3}20/, name)
  }
  const { exitCode, stdout } = await explain('options.json', target.token({ aud: 'other', client_id: undefined, scope: 'read' }))
  t.equal(exitCode, 1)
  t.match(stdout, /\n1\. audience_foreign[^]*\n2\. claim_missing[^]*With all of them it is accepted:\n {2}authorizationServers: \[\{ issuer: '.*', audience: 'other', profile: 'jwt' \}\]\n/)
  t.match(await explain('options.json', 'opaque'), { exitCode: 1, stdout: /line {6}authorizationServers: .*introspection/ })
  t.match(await explain('options.json', `${target.token()}x.y`), { exitCode: 1, stdout: /\n {2}fix / })
  const json = await command(['explain', '--config', join(folder, 'options.json'), '--json'], { stdin: target.token() })
  t.match(JSON.parse(json.stdout) as TokenExplanation, { version: 1, outcome: 'accepted', refusals: [] })
  for (const [name, message] of [
    ['bare-app.mjs', /exports an app without the plugin/], ['nothing.mjs', /must export the options of the plugin.*got undefined/], ['list.json', /got an array/],
    ['broken.json', /could not be loaded/], ['missing.mjs', /could not be loaded/], ['listening.mjs', /could not be loaded: .*EADDRINUSE"?\nExport the app without a call of listen/], ['secret.json', /resource must be/]
  ] as const) t.match(await explain(name, target.token()), { exitCode: 2, stdout: '', stderr: message }, name)
})

test('explain by a URL uses what the server publishes', async t => {
  const target = await startDoctorTarget(t)
  const explain = async (token: string, ...args: string[]): Promise<Ran> => await command(['explain', target.resource, '--timeout', '0.5', ...args], { stdin: token })
  t.match(await explain(target.token({ exp: 1e15 })), { exitCode: 0, stdout: /scopes {4}none\n {2}expires {3}1000000000000000\n/ })
  t.match(await explain(target.token({ cnf: { jkt: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs' } })), { exitCode: 0, stdout: /Each request needs the DPoP scheme/ })
  target.fault = (answer, { part }) => { if (part === 'document') answer.body = JSON.stringify({ ...documentOf(target), dpop_bound_access_tokens_required: true }) }
  t.match(await explain(target.token()), { exitCode: 1, stdout: /token_unbound/ })
  target.fault = (answer, { part }) => {
    if (part === 'document') answer.body = JSON.stringify({ ...documentOf(target), dpop_signing_alg_values_supported: undefined })
    if (part === 'keys') Object.assign(answer, { status: 204, body: '' })
  }
  t.match(await explain(target.token()), { exitCode: 2, stdout: /^\? The token could not be checked[^]*keys_unavailable/ })
  target.fault = answer => { answer.status = 404 }
  t.match(await explain(target.token()), { exitCode: 2, stdout: '', stderr: 'no metadata document was found\n' })
  t.match(await command(['explain', 'http://localhost:1/'], { stdin: 'x' }), { exitCode: 2, stderr: /^network: .*ECONNREFUSED/ })
})

test('explain by a URL says which scopes the route asks for', async t => {
  const target = await startDoctorTarget(t)
  const explain = async (claims: Record<string, unknown>): Promise<string> => (await command(['explain', target.resource], { stdin: target.token(claims) })).stdout
  t.match(await explain({ scope: 'write' }), /^✓ The token is accepted\n[^]*\n {2}The route asks for read, which the token does not have: where it requires this, the answer is 403\.\n/)
  t.notMatch(await explain({ scope: 'read write' }), /The route asks for/)
  t.notMatch(await explain({ aud: 'https://other.example' }), /The route asks for/)
  target.fault = (answer, { part }) => { if (part === 'api') answer.headers['www-authenticate'] = `Bearer resource_metadata="${target.origin}/.well-known/oauth-protected-resource/mcp"` }
  t.notMatch(await explain({}), /The route asks for/)
  target.fault = (answer, { part }) => { if (part === 'api') answer.headers = {} }
  t.match(await explain({ client_id: undefined }), /^\? With default settings the token is refused\n/)
})

test('an opaque token that introspection accepts may have neither client nor expiry', async t => {
  const folder = t.testdir({})
  const file = join(folder, 'options.mjs')
  await writeFile(file, `export default {
    resource: 'https://api.example.com',
    authorizationServers: [{ issuer: 'https://issuer.test', introspection: { clientId: 'a', authentication: { method: 'client_secret_basic', clientSecret: 'b' }, endpoint: 'https://issuer.test/introspect' } }],
    fetch: async () => Response.json({ active: true, sub: 'ann', aud: 'https://api.example.com' })
  }`)
  t.match(await command(['explain', '--config', file], { stdin: 'opaque' }), { exitCode: 0, stdout: /client {4}none[^]*expires {3}it does not say/ })
})

test('an authority can be trusted, and a wrong file is told', async t => {
  const folder = t.testdir({ 'ca.pem': selfSigned.cert, 'text.pem': 'none' })
  const target = await startDoctorTarget(t)
  t.equal((await command(['check', target.resource, '--insecure-ca', join(folder, 'ca.pem'), '--allow-host', 'intranet.example', '--resource', target.resource, '--method', 'GET', '--origin', 'https://page.example', '--mcp'])).exitCode, 0)
  t.match(await command(['check', target.resource, '--insecure-ca', join(folder, 'text.pem')]), { exitCode: 2, stderr: /has no certificate in PEM/ })
  t.match(await command(['check', target.resource, '--insecure-ca', join(folder, 'missing.pem')]), { exitCode: 2, stderr: /ENOENT/ })
})

test('a token that is given to check is in no output, and names are resolved as the caller says', async t => {
  const target = await startDoctorTarget(t)
  const token = target.token()
  target.fault = (answer, { part }) => { if (part === 'issuer') answer.body = answer.body.replace('{', '{"client_id_metadata_document_supported":true,') }
  const { exitCode, stdout, stderr } = await command(['check', target.resource, '--token', '-', '--verbose'], { stdin: token })
  t.match({ exitCode, stdout }, { exitCode: 0, stdout: /The token is accepted: it got 200[^]*yes, by client ID metadata documents and dynamic registration/ })
  t.notOk(`${stdout}${stderr}`.includes(token.slice(-30, -14)))
  t.match(JSON.parse((await command(['check', target.resource, '--json', '--quiet'])).stdout), { version: 1, ok: true })
  const looked: string[] = []
  const none = { write () {} }
  await runCommand(['check', 'https://api.example/'], {
    stdin: chunksOf(''), stdout: none, stderr: none, env: {}, lookup: (hostname, _options, callback) => { looked.push(hostname); callback(new Error('not known'), '') }
  })
  t.ok(looked.every(hostname => hostname === 'api.example') && looked.length > 0)
})

test('an explanation without details has no empty lines', t => {
  const refusal = { reason: 'token_unverified', code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'a meaning', expected: null, received: null, line: null, when: 'look' } as const
  const text = printExplanation({ version: 1, outcome: 'refused', resource: 'https://api.example', accessToken: null, alsoNeeded: null, refusals: [refusal], acceptedWith: null }, null, { style: styleFor(false, {}), width: 100, isVerbose: false })
  t.equal(text, '✗ The token is refused\n  for https://api.example\n\ntoken_unverified: a meaning\n  fix       look\n')
  t.end()
})

test('--help and --version', async t => {
  t.match(await command(['--help']), { exitCode: 0, stdout: /^fastify-oauth-resource-server check <url>/, stderr: '' })
  t.match(await command(['check', '-h']), { exitCode: 0, stdout: /--insecure-ca/ })
  t.match(await command(['--version']), { exitCode: 0, stdout: /^\d+\.\d+\.\d+/ })
})

test('what the command line does not have is told, and no value is repeated', t => {
  for (const [args, message] of [
    [[], /^say what to do: check <url> or explain$/],
    [['https://api.example.com'], /^say what to do before the URL/],
    [['chekc', 'https://api.example.com'], /^there are two commands, check and explain\. Did you mean "check"\?$/],
    [['check', 'a', 'b'], /^one URL is expected, and 2 came$/],
    [['check', 'a', '--tokn', '-'], /^there is no option --tokn\. Did you mean "--token"\?$/],
    [['check', 'a', '-x'], /Unknown option '-x'/],
    [['check', 'a', '--token', 'eyJsecret'], /^a token on the command line can be read by others/],
    [['explain', 'a', '--token', '-'], /leave --token out$/],
    [['explain'], /^explain needs either a URL or --config/],
    [['explain', 'a', '--config', 'b'], /^explain needs either a URL or --config/],
    [['check', 'a', '--config', 'b'], /^--config is for explain$/],
    [['check', 'a', '--mcp', '--no-mcp'], /contradict each other/],
    [['check', 'a', '--method', 'PUT'], /GET or POST/],
    [['check', 'a', '--origin', 'https://page.example/'], /must be an origin/],
    [['check', 'a', '--timeout', '0'], /number of seconds/],
    [['check', 'a', '--timeout', 'soon'], /number of seconds/]
  ] as ReadonlyArray<readonly [string[], RegExp]>) {
    t.throws(() => parseArguments(args), { message }, args.join(' '))
  }
  t.match(parseArguments(['check', 'https://a.example', '--token=-', '--allow-host', 'a', '--allow-host', 'b', '--timeout', '1.5', '--no-mcp']), {
    command: 'check', url: 'https://a.example', readsToken: true, allowedHosts: ['a', 'b'], timeoutMs: 1500, mcp: false
  })
  t.end()
})

test('every command line is understood or refused with one message, without its token', t => {
  const words = fc.oneof(fc.constantFrom('check', 'explain', '--json', '--token', '-', '--config', '--timeout', '--', '--mcp', 'https://api.example.com'), fc.string({ unit: 'binary', maxLength: 20 }))
  fc.assert(fc.property(fc.array(words, { maxLength: 6 }), args => {
    try {
      return ['check', 'explain', 'help', 'version'].includes(parseArguments(args).command)
    } catch (error) {
      return (error as Error).constructor.name === 'UsageError' && (error as Error).message.length < 300
    }
  }))
  t.end()
})

test('a token is read from a text in any of its usual forms', t => {
  for (const text of ['abc.def', ' abc.def\r\n', 'Bearer abc.def', 'authorization: DPoP abc.def', '{"access_token":"abc.def","token_type":"Bearer"}', '\u001b[200~abc.def\u001b[201~\u0004']) {
    t.equal(parseToken(text), 'abc.def', JSON.stringify(text))
  }
  for (const text of ['', ' \n', '{"token":1}', '{"access_token":5}']) t.throws(() => parseToken(text), { message: /has no token/ })
  for (const text of ['two words', 'a\u00e9']) t.throws(() => parseToken(text), { message: /more than one word/ })
  t.throws(() => parseToken('{"access_token":'), { message: /begins with { and is not JSON/ })
  fc.assert(fc.property(fc.string({ unit: 'binary' }), text => {
    try {
      return /^[\x21-\x7e]+$/.test(parseToken(text))
    } catch (error) {
      return text.trim().length < 3 || !(error as Error).message.includes(text)
    }
  }))
  t.end()
})

test('on a terminal the token is read without an echo, to the end of the line', async t => {
  const raw: boolean[] = []
  const terminal = (...chunks: string[]): TokenInput => ({
    isTTY: true, setRawMode: isRaw => raw.push(isRaw), async * [Symbol.asyncIterator] () { yield * chunks.map(chunk => Buffer.from(chunk)) }
  })
  const prompts: string[] = []
  t.equal(await readToken(terminal('abc', '.def\r', 'more'), text => prompts.push(text)), 'abc.def')
  t.same(raw, [true, false])
  t.match(prompts, [/it is not shown/, '\n'])
  await t.rejects(readToken(terminal('abc\u0003'), () => {}), { message: 'interrupted' })
  await t.rejects(readToken(chunksOf('x'.repeat(1_048_577)), () => {}), { message: /too long/ })
  await t.rejects(readToken({ isTTY: true, async * [Symbol.asyncIterator] () {} }, () => {}), { message: /no token/ })
})

test('the program runs where it is called, and not where it is imported', async t => {
  const started = async (...argv: string[]): Promise<ProgramProcess & { written: string, isExited: boolean }> => {
    const process = {
      argv, env: {}, written: '', isExited: false,
      stdin: { ...chunksOf(''), async * [Symbol.asyncIterator] () {} },
      stdout: { write (text: string, written?: () => void) { process.written += text; written?.() } },
      stderr: { write (_text: string, written?: () => void) { written?.() } },
      exit () { process.isExited = true }
    } as unknown as ProgramProcess & { written: string, isExited: boolean }
    await runProgram(pathToFileURL(program).href, process)
    return process
  }
  t.match(await started('node', program, '--version'), { exitCode: 0, written: /^\d+\.\d+/, isExited: true })
  t.match(await started('node', program, 'check'), { exitCode: 2 })
  t.match(await started('node', fileURLToPath(import.meta.url)), { written: '', exitCode: undefined, isExited: false })
  t.match(await started('node'), { written: '' })
})

test('an error that is not of listen is not ignored', t => {
  const other = new Error('another one')
  t.throws(() => ignoreListenError(other), other)
  t.doesNotThrow(() => ignoreListenError(Object.assign(new Error('in use'), { syscall: 'listen' })))
  t.end()
})
