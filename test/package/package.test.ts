import { cp, mkdir, mkdtemp, readFile, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { publint } from 'publint'
import { test } from 'tap'
import { run, runNode } from '../support/child.ts'
import type { Ended } from '../support/child.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const bin = (name: string): string => join(root, 'node_modules/.bin', name)

/** Node resolves packages upwards, so nothing of this may stand inside of the repository. */
const work = await realpath(await mkdtemp(join(tmpdir(), 'oauth-package-')))
const source = join(work, 'source')
const packed = join(work, 'packed')
const consumer = join(work, 'consumer')

function succeeded ({ exitCode, stdout, stderr }: Ended): string | true {
  return exitCode === 0 ? true : `${stdout}\n${stderr}`
}

test('the package', async t => {
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
    t.same(files.filter(path => !/^(?:(?:dist|lib|plugins)\/.+|docs\/.+\.md|sql\/.+\.sql|README\.md|LICENSE|CHANGELOG\.md|package\.json)$/.test(path)), [])
    t.same(files.filter(path => /(?:^|\/)test\/|\.te?st\.|\.tap|tsconfig|\.tsbuildinfo$/.test(path)), [])
    const built = (folder: string): string[] => files.filter(path => path.startsWith(folder) && path.endsWith('.js'))
    const sources = files.filter(path => /^(?:lib|plugins)\/.*\.ts$/.test(path))
    t.same(built('dist/').sort(), sources.map(path => `dist/${path.replace(/\.ts$/, '.js')}`).sort(), 'each source is built, and nothing else is')
  })

  await t.test('has nothing that publint or attw complain of', async t => {
    const content = await readFile(tarball)
    const { messages } = await publint({ pack: { tarball: content.buffer.slice(content.byteOffset, content.byteOffset + content.byteLength) as ArrayBuffer } })
    t.same(messages, [], 'publint')
    t.equal(succeeded(await runNode([bin('attw'), '--profile', 'esm-only', '--no-definitely-typed', '--no-color', tarball], { cwd: work })), true, 'attw')
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

  await t.test('has types that a strict consumer accepts', async t => {
    await writeFile(join(consumer, 'consumer.ts'), `
      import Fastify from 'fastify'
      import oauthResourceServer, { isOAuthResourceError } from 'fastify-oauth-resource-server'
      import type { OAuthResourceServerOptions } from 'fastify-oauth-resource-server'

      const options: OAuthResourceServerOptions = { resource: 'https://api.example.com', authorizationServers: ['https://login.example.com'] }
      const app = Fastify()
      await app.register(oauthResourceServer, options)
      app.get('/', { config: { oauth: { scopes: ['read'] } } }, async request => request.accessToken?.scopes)
      app.setErrorHandler((error, _request, reply) => reply.send(isOAuthResourceError(error) ? error.code : error))
    `)
    await writeFile(join(consumer, 'consumer.cts'), `
      import Fastify = require('fastify')
      import plugin = require('fastify-oauth-resource-server')
      const app = Fastify()
      app.register(plugin.oauthResourceServer, { resource: 'https://api.example.com', authorizationServers: ['https://login.example.com'] })
    `)
    const files = ['consumer.ts', 'consumer.cts']
    const example = join(root, 'examples/minimal.ts')
    if (existsSync(example)) {
      await cp(example, join(consumer, 'minimal.ts'))
      files.push('minimal.ts')
    }
    await writeFile(join(consumer, 'tsconfig.json'), JSON.stringify({
      compilerOptions: {
        target: 'ES2022', module: 'NodeNext', moduleResolution: 'NodeNext', types: ['node'], strict: true,
        exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false, noEmit: true
      },
      files
    }))
    t.equal(succeeded(await runNode([bin('tsc'), '-p', '.'], { cwd: consumer })), true)
  })
})
