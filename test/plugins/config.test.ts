import { test } from 'tap'
import { config } from '../../plugins/index.ts'
import { createServer, plainOptions } from '../support/hint.ts'

function logged (): { lines: string[], stream: { write (line: string): void } } {
  const lines: string[] = []
  return { lines, stream: { write: line => { lines.push((JSON.parse(line) as { msg: string }).msg) } } }
}

test('the scope gets its configuration, and what Fastify puts among the options is none of it', async t => {
  const app = createServer(t)
  await app.register(config, { ...plainOptions, prefix: '/x', logLevel: 'error' })
  t.equal(app.oauthConfig.resource, plainOptions.resource)
  t.ok(Object.isFrozen(app.oauthConfig))
  await t.rejects(async () => await createServer(t).register(config, { ...plainOptions, prefixx: '/x' } as never),
    { name: 'OptionError', message: 'unknown option "prefixx".' })
})

test('warnings go to the log of the host', async t => {
  const { lines, stream } = logged()
  const app = createServer(t, { logger: { level: 'warn', stream } })
  await app.register(config, { ...plainOptions, metadata: {}, scopes: { read: 'Read' } })
  app.get('/a', { config: { oauth: { scopes: ['read'] } } }, async () => 1)
  app.get('/b', { config: { oauth: { scopes: ['raed'] } } }, async () => 1)
  await app.ready()
  t.strictSame(lines, [
    'https://api.example.com: metadata.resource_name should say what a person calls this resource',
    'https://api.example.com: GET /b requires the scope raed, which is not among scopes. Did you mean "read"?'
  ])
})

test('scopes within a scope are asked about the scopes of their own resource', async t => {
  const { lines, stream } = logged()
  const app = createServer(t, { logger: { level: 'warn', stream } })
  await app.register(config, { ...plainOptions, scopes: { outer: '' } })
  await app.register(async child => {
    await child.register(config, { ...plainOptions, resource: 'https://api.example.com/child', scopes: { inner: '' } })
    child.get('/a', { config: { oauth: { scopes: ['inner'] } } }, async () => 1)
    child.get('/b', { config: { oauth: { scopes: ['outer'] } } }, async () => 1)
  })
  await app.ready()
  t.strictSame(lines, ['https://api.example.com/child: GET /b requires the scope outer, which is not among scopes.'])
})

test('without configured scopes no route is warned about', async t => {
  const { lines, stream } = logged()
  const app = createServer(t, { logger: { level: 'warn', stream } })
  await app.register(config, plainOptions)
  app.get('/b', { config: { oauth: { scopes: ['any'] } } }, async () => 1)
  await app.ready()
  t.strictSame(lines, [])
})

test('the same twice does no harm, something else in one scope stops the boot (H37)', async t => {
  const fetch = async (): Promise<Response> => new Response()
  const app = createServer(t)
  await app.register(config, { ...plainOptions, fetch })
  const before = app.oauthConfig
  await app.register(config, { ...plainOptions, fetch, prefix: '/y' })
  t.equal(app.oauthConfig, before)
  for (const [options, named] of [
    [{ ...plainOptions, fetch, realm: 'r' }, '"https://api.example.com"'],
    [{ ...plainOptions, fetch: async () => new Response() }, '"https://api.example.com"'],
    [{ ...plainOptions, resource: 'https://other' }, '"https://other"']
  ] as const) {
    const again = createServer(t)
    await again.register(config, { ...plainOptions, fetch })
    await t.rejects(async () => await again.register(config, options), {
      name: 'OptionError',
      message: `resource ${named}: the plugin is already registered here for https://api.example.com, with other options; register each resource in a child plugin of its own`
    })
  }
})

test('a rule is checked when its route is added, in the scope and in those within it', async t => {
  const app = createServer(t)
  await app.register(config, plainOptions)
  t.throws(() => app.get('/x', { config: { oauth: { scope: 'a' } as never } }, async () => 1),
    { name: 'OptionError', message: 'config.oauth of GET /x: unknown option "scope". Did you mean "scopes"?' })
  await t.rejects(async () => await app.register(async child => {
    child.get('/y', { config: { oauth: true as never } }, async () => 1)
  }, { prefix: '/v1' }), { message: 'config.oauth of GET /v1/y must be false or an object, got true' })
})

test('requests know the rule of their route, in every scope', async t => {
  const app = createServer(t)
  await app.register(async older => { older.get('/older', async request => request.oauthPolicy) })
  await app.register(config, plainOptions)
  app.get('/', { config: { oauth: { scopes: ['a'] } } }, async request => request.oauthPolicy)
  await app.register(async child => {
    await child.register(config, { ...plainOptions, resource: 'https://api.example.com/child' })
    child.get('/child', { config: { oauth: false } }, async request => request.oauthPolicy)
  })
  t.match((await app.inject('/')).json(), { token: 'required', scopes: { alternatives: [['a']] } })
  t.match((await app.inject('/older')).json(), { token: 'required', scopes: null })
  t.match((await app.inject('/child')).json(), { token: 'none' })
})
