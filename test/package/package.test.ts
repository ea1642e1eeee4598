import { spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, readdir, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, posix, relative } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { publint } from 'publint'
import { test } from 'tap'
import { run, runNode } from '../support/child.ts'
import type { Ended } from '../support/child.ts'
import { missingUnix } from '../support/unix.ts'
import { freePort } from '../support/example.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const bin = (name: string): string => join(root, 'node_modules/.bin', name)

/** Node resolves packages upwards, so nothing of this may stand inside of the repository. */
const work = await realpath(await mkdtemp(join(tmpdir(), 'oauth-package-')))
const source = join(work, 'source')
const packed = join(work, 'packed')
const unpacked = join(work, 'unpacked')
const consumer = join(work, 'consumer')

/** What an install may cost. Each entry point loads its own part alone, so a part that is not used costs disk and nothing else. */
const most = { files: 600, bytes: 550_000 }

interface Conditions { readonly types: string, readonly default: string }
const { exports, bin: programs } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { exports: Record<string, string | Conditions>, bin: Record<string, string> }
/** What can be imported, by its name for users: the package itself and its sub-paths. */
const entryPoints = Object.entries(exports).filter((entry): entry is [string, Conditions] => typeof entry[1] === 'object')
  .map(([path, { types }]) => ({ specifier: posix.join('fastify-oauth-resource-server', path), types: types.replace('./', '') }))

function succeeded ({ exitCode, stdout, stderr }: Ended): string | true {
  return exitCode === 0 ? true : `${stdout}\n${stderr}`
}

/** Packages that only the client, the proxy and introspection need. */
const notForTheRoot = /^(?:undici|oauth4webapi)\//

/** Another Node.js as npx brings it, or `null` where there is no network. */
async function nodeOf (major: string): Promise<string | null> {
  const { exitCode, stdout } = await run('npx', ['--yes', '--package', `node@${major}`, '-c', 'node -p process.execPath'], { cwd: work })
  return exitCode === 0 ? stdout.trim() : null
}

test('the package', { skip: missingUnix('env, and npm without a shell') }, async t => {
  t.teardown(() => rm(work, { recursive: true, force: true }))

  // It is built and packed from a copy, as other tests, and people, may be using what `dist` holds.
  await t.test('is packed', async t => {
    const left = new Set(['.git', '.tap', 'dist', 'node_modules'])
    await cp(root, source, { recursive: true, filter: path => !left.has(relative(root, path)) })
    await symlink(join(root, 'node_modules'), join(source, 'node_modules'))
    await mkdir(packed)
    t.equal(succeeded(await run('npm', ['pack', '--pack-destination', packed], { cwd: source })), true)
  })
  const tarball = join(packed, (await readdir(packed))[0]!)

  await t.test('holds what is published and nothing else', async t => {
    const { stdout } = await run('tar', ['-tzf', tarball], { cwd: work })
    const files = stdout.trim().split('\n').map(path => path.replace(/^package\//, ''))
    for (const path of ['README.md', 'LICENSE', 'CHANGELOG.md', 'package.json', 'dist/plugins/index.js', 'dist/plugins/index.d.ts']) {
      t.ok(files.includes(path), path)
    }
    t.same(files.filter(path => !/^(?:dist\/.+\.(?:js|d\.ts)|docs\/.+\.(?:md|png|svg)|examples\/(?:README\.md|(?:autoload|keycloak)\/.+\.(?:ts|json|yaml)|[\w-]+\.(?:ts|cjs|mjs))|llms\.txt|bench\/(?:README|results\/[\w-]+)\.md|sql\/.+\.sql|README\.md|LICENSE|CHANGELOG\.md|package\.json)$/.test(path)), [])
    t.ok(files.length <= most.files, `${files.length} files`)
    const { size } = await stat(tarball)
    t.ok(size <= most.bytes, `${size} bytes`)

    await mkdir(unpacked)
    t.equal(succeeded(await run('tar', ['-xzf', tarball, '-C', unpacked], { cwd: work })), true)
    const textOf = async (path: string): Promise<string> => await readFile(join(unpacked, 'package', path), 'utf8')
    const dead: string[] = []
    for (const page of files.filter(path => path.endsWith('.md'))) {
      for (const [, link] of (await textOf(page)).replace(/^```[^]*?^```$/gm, '').matchAll(/\]\(([^)\s]+)\)/g)) {
        const target = posix.join(posix.dirname(page), link!.split('#', 1)[0]!)
        if (!/^(?:[a-z]+:|#)/.test(link!) && !files.includes(target)) dead.push(`${page}: ${link!}`)
      }
    }
    t.same(dead, [], 'every page and picture that is linked is there')
    const built = files.filter(path => path.startsWith('dist/'))
    const imports = new Map(await Promise.all(built.map(async path => {
      const specifiers = [...(await textOf(path)).matchAll(/(?:\bfrom |\bimport ?\(?)['"](\.[^'"]+)['"]/g)].map(match => match[1]!)
      return [path, specifiers.map(specifier => posix.join(posix.dirname(path), specifier).replace(/\.[jt]s$/, path.endsWith('.js') ? '.js' : '.d.ts'))] as const
    })))
    const used = new Set([...entryPoints.flatMap(({ types }) => [types, types.replace(/\.d\.ts$/, '.js')]), ...Object.values(programs)])
    for (const path of used) for (const next of imports.get(path) ?? []) used.add(next)
    t.same(built.filter(path => !used.has(path)), [], 'an entry point reaches each file')
    t.same([...used].filter(path => !built.includes(path)), [], 'and what is imported is there')
    const { dependencies, peerDependencies } = JSON.parse(await textOf('package.json')) as Record<string, Record<string, string>>
    const declared = new Set([...Object.keys(dependencies!), ...Object.keys(peerDependencies!)])
    const naming = await Promise.all(built.map(async path => [...(await textOf(path)).matchAll(/(?:\bfrom |\bimport ?\(?)['"]([^.'"][^'"]*)['"]/g)].map(match => match[1]!)
      .filter(specifier => !specifier.startsWith('node:') && !declared.has(specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/')))
      .map(specifier => `${path}: ${specifier}`)))
    t.same(naming.flat(), [], 'code and declarations name only packages that are installed with it')
    const maps = files.filter(path => path.endsWith('.js')).map(async path => (await textOf(path)).includes('sourceMappingURL') ? [path] : [])
    t.same((await Promise.all(maps)).flat(), [], 'no source map is named')
  })

  await t.test('has nothing that publint or attw complain of', async t => {
    const content = await readFile(tarball)
    const { messages } = await publint({ pack: { tarball: content.buffer.slice(content.byteOffset, content.byteOffset + content.byteLength) as ArrayBuffer } })
    t.same(messages, [], 'publint')
    // Every supported Node.js can require an ES module, which attw does not know.
    const attw = await runNode([bin('attw'), '--ignore-rules', 'cjs-resolves-to-esm', '--no-definitely-typed', '--no-color', tarball], { cwd: work })
    t.equal(succeeded(attw), true, 'attw')
  })

  await t.test('installs in an empty folder', async t => {
    const versionOf = async (name: string): Promise<string> =>
      (JSON.parse(await readFile(join(root, 'node_modules', name, 'package.json'), 'utf8')) as { version: string }).version
    await mkdir(consumer)
    await writeFile(join(consumer, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }))
    const packages = [tarball, ...await Promise.all(['fastify', '@types/node'].map(async name => `${name}@${await versionOf(name)}`))]
    const installed = await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', ...packages], { cwd: consumer })
    t.equal(succeeded(installed), true)
    t.notOk(existsSync(join(consumer, 'node_modules/typescript')), 'without our tools')
  })

  await t.test('has a command that runs as npm installs it', async t => {
    const { exitCode, stdout, stderr } = await run('npx', ['--no-install', 'fastify-oauth-resource-server', '--version'], { cwd: consumer })
    t.match({ exitCode, stdout }, { exitCode: 0, stdout: /^\d+\.\d+\.\d+\n$/ }, stderr)
    const refused = await run('npx', ['--no-install', 'fastify-oauth-resource-server', 'check', 'http://localhost:1/'], { cwd: consumer })
    t.match(refused, { exitCode: 2, stdout: /The server answers/ })
  })

  const boot = (load: string): string => `${load}
    const check = async () => {
      const app = Fastify()
      app.register(plugin, { resource: 'https://api.example.com/v1', authorizationServers: ['https://login.example.com'] })
      app.get('/', async () => 'secret')
      const refused = await app.inject('/')
      const document = await app.inject('/.well-known/oauth-protected-resource/v1')
      console.log(JSON.stringify([refused.statusCode, refused.headers['www-authenticate'], refused.json().code, document.json()]))
      await app.close()
    }
    check()`
  const expected = [
    401,
    'Bearer resource_metadata="https://api.example.com/.well-known/oauth-protected-resource/v1"',
    'FST_OAUTH_TOKEN_MISSING',
    { resource: 'https://api.example.com/v1', authorization_servers: ['https://login.example.com'], bearer_methods_supported: ['header'] }
  ]
  const loaders = {
    'import.mjs': "import Fastify from 'fastify'\nimport plugin from 'fastify-oauth-resource-server'",
    'import-by-name.mjs': "import Fastify from 'fastify'\nimport { oauthResourceServer as plugin } from 'fastify-oauth-resource-server'",
    'require.cjs': "const Fastify = require('fastify')\nconst plugin = require('fastify-oauth-resource-server')"
  }
  for (const [file, load] of Object.entries(loaders)) {
    await t.test(`boots with ${file}`, async t => {
      await writeFile(join(consumer, file), boot(load))
      const { exitCode, stdout, stderr } = await runNode([file], { cwd: consumer })
      // Node.js 20 says of every required ES module that this is new; that is not a failure of ours.
      const complaints = stderr.split('\n').filter(line => line !== '' && !/ExperimentalWarning: (?:CommonJS|Support for loading ES)|--trace-warnings/.test(line))
      t.same({ exitCode, complaints }, { exitCode: 0, complaints: [] })
      if (exitCode === 0) t.same(JSON.parse(stdout), expected)
    })
  }

  await t.test('the CommonJS example runs as it stands', async t => {
    await cp(join(root, 'examples/commonjs.cjs'), join(consumer, 'example.cjs'))
    const port = await freePort()
    const { NODE_OPTIONS: _ofTap, ...env } = process.env
    const child = spawn(process.execPath, ['example.cjs'], { cwd: consumer, env: { ...env, PORT: String(port) }, stdio: ['ignore', 'pipe', 'ignore'] })
    t.teardown(() => child.kill('SIGKILL'))
    for await (const line of createInterface({ input: child.stdout })) if (line.startsWith('curl ')) break
    const response = await fetch(`http://localhost:${port}/projects`)
    t.equal(response.status, 401)
    t.equal(response.headers.get('www-authenticate'), `Bearer resource_metadata="http://localhost:${port}/.well-known/oauth-protected-resource", scope="projects:read"`)
  })

  const loadAll = {
    'import-all.mjs': 'for (const name of process.argv.slice(2)) console.log(name, Object.keys(await import(name)).length > 0)',
    'require-all.cjs': 'for (const name of process.argv.slice(2)) console.log(name, Object.keys(require(name)).length > 0)'
  }
  const specifiers = entryPoints.map(({ specifier }) => specifier)
  for (const [file, code] of Object.entries(loadAll)) {
    await t.test(`every entry point is loaded by ${file}`, async t => {
      await writeFile(join(consumer, file), code)
      const versions = [process.execPath, await nodeOf('24')]
      for (const node of versions) {
        if (node === null) {
          t.pass('Node.js 24', { skip: 'it cannot be had' })
          continue
        }
        const { exitCode, stdout, stderr } = await run(node, [file, ...specifiers], { cwd: consumer })
        t.same({ exitCode, stdout }, { exitCode: 0, stdout: specifiers.map(name => `${name} true\n`).join('') }, `${node} ${stderr}`)
      }
    })
  }

  await t.test('the root loads two files of the package: no client, no proxy, no guard and no store outside of the process', async t => {
    await writeFile(join(consumer, 'loaded.mjs'), `
      import { Session } from 'node:inspector'
      const session = new Session()
      session.connect()
      const urls = []
      session.on('Debugger.scriptParsed', ({ params }) => urls.push(params.url))
      session.post('Debugger.enable')
      const values = Object.keys(await import('fastify-oauth-resource-server'))
      const others = []
      for (const name of process.argv.slice(2)) others.push(...Object.keys(await import(name)))
      console.log(JSON.stringify({ values, others, urls: urls.filter(url => url.includes('/node_modules/')).map(url => url.slice(url.indexOf('/node_modules/') + 14)) }))
    `)
    const load = async (...others: string[]): Promise<{ values: string[], others: string[], urls: string[] }> => {
      const { stdout, stderr } = await runNode(['loaded.mjs', ...others], { cwd: consumer })
      t.equal(stderr, '')
      return JSON.parse(stdout) as { values: string[], others: string[], urls: string[] }
    }
    const { values, urls } = await load()
    t.ok(values.length <= 60, `${values.length} values`)
    t.same(urls.filter(url => notForTheRoot.test(url)), [])
    const ours = urls.filter(url => url.startsWith('fastify-oauth-resource-server/'))
    t.same(ours.map(url => posix.basename(url)).sort(), ['index.js', 'shared.js'])
    const code = (await Promise.all(ours.map(url => readFile(join(consumer, 'node_modules', url), 'utf8')))).join('\n')
    const declares = (name: string): boolean => new RegExp(`^(?:async )?(?:function|class|const) ${name}\\b`, 'm').test(code)
    t.ok(declares('createTokenCache'), 'what is loaded is seen')
    const { others } = await load(...specifiers.filter(name => name !== 'fastify-oauth-resource-server'))
    const parts = ['connect', 'createFetch', 'createSession', 'createMemoryOrganizationDirectory', 'createRedisTokenStore', 'createFileTokenStore', 'createPostgresOrganizationDirectory']
    t.same(parts.filter(name => !others.includes(name) || declares(name)), [])
  })

  await t.test('the root loads nothing of Node.js that Fastify does not: not undici, WebCrypto nor zlib', async t => {
    await writeFile(join(consumer, 'builtins.mjs'), `
      await import('fastify')
      const before = new Set(process.moduleLoadList)
      await import('fastify-oauth-resource-server')
      const more = process.moduleLoadList.filter(name => !before.has(name))
      await import('node:http2')
      console.log(JSON.stringify({ more, later: process.moduleLoadList.includes('NativeModule http2') }))
    `)
    const { stdout } = await runNode(['builtins.mjs'], { cwd: consumer })
    t.same(JSON.parse(stdout), { more: [], later: true })
  })

  await t.test('has types that a strict consumer accepts', async t => {
    await writeFile(join(consumer, 'consumer.ts'), `
      import Fastify from 'fastify'
      import oauthResourceServer, { isOAuthResourceError } from 'fastify-oauth-resource-server'
      import type { OAuthResourceServerOptions } from 'fastify-oauth-resource-server'
${entryPoints.map(({ specifier }, i) => `      import * as part${i} from '${specifier}'`).join('\n')}

      const options: OAuthResourceServerOptions = { resource: 'https://api.example.com', authorizationServers: ['https://login.example.com'] }
      const app = Fastify()
      await app.register(oauthResourceServer, options)
      app.get('/', { config: { oauth: { scopes: ['read'] } } }, async request => [request.accessToken?.scopes, request.impersonation?.staff])
      console.log(${entryPoints.map((_, i) => `part${i}`).join(', ')})
      app.setErrorHandler((error, _request, reply) => reply.send(isOAuthResourceError(error) ? error.code : error))
    `)
    await writeFile(join(consumer, 'consumer.cts'), `
      import Fastify = require('fastify')
      import plugin = require('fastify-oauth-resource-server')
      import client = require('fastify-oauth-resource-server/client')
      console.log(client.connect)
      const app = Fastify()
      app.register(plugin.oauthResourceServer, { resource: 'https://api.example.com', authorizationServers: ['https://login.example.com'] })
    `)
    const files = ['consumer.ts', 'consumer.cts']
    // The examples that need nothing but what is installed here, as users copy them.
    for (const name of (await readdir(join(root, 'examples'))).filter(name => name.endsWith('.ts'))) {
      const imports = [...(await readFile(join(root, 'examples', name), 'utf8')).matchAll(/ from '([^']+)'$/gm)].map(([, from]) => from!)
      if (!imports.every(from => /^(?:node:|fastify$|fastify-oauth-resource-server(?:\/|$))/.test(from))) continue
      await cp(join(root, 'examples', name), join(consumer, name))
      files.push(name)
    }
    t.ok(files.length > 6, files.join())
    await writeFile(join(consumer, 'tsconfig.json'), JSON.stringify({
      compilerOptions: {
        target: 'ES2022', module: 'NodeNext', moduleResolution: 'NodeNext', types: ['node'], strict: true,
        exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false, noEmit: true
      },
      files
    }))
    const checked = await runNode([bin('tsc'), '-p', '.', '--extendedDiagnostics'], { cwd: consumer })
    t.equal(succeeded(checked), true)
    // What it costs to check them: Fastify alone takes 85,000.
    const instantiations = Number(/^Instantiations:\s+(\d+)$/m.exec(checked.stdout)?.[1])
    t.ok(instantiations <= 300_000, `${instantiations} instantiations`)
  })
})
