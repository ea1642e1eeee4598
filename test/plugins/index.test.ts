import sensible from '@fastify/sensible'
import { test } from 'tap'
import byDefault, * as all from '../../plugins/index.ts'
import { optionsFor } from '../support/app.ts'
import { createServer, stockChallenge } from '../support/hint.ts'
import { createFakeIssuer } from '../support/issuer.ts'

test('the default export is the whole plugin, and every part has a name', async t => {
  t.equal(byDefault, all.oauthResourceServer)
  const issuer = await createFakeIssuer()
  const app = createServer(t)
  await app.register(byDefault, optionsFor(issuer))
  for (const part of ['', '/config', '/challenge', '/metadata', '/authenticate', '/authorize']) {
    t.ok(app.hasPlugin(`fastify-oauth-resource-server${part}`), part)
  }
})

test('the whole plugin twice: one challenge, one look at the token (H37)', async t => {
  const issuer = await createFakeIssuer()
  const options = optionsFor(issuer)
  const app = createServer(t)
  await app.register(byDefault, options)
  await app.register(byDefault, { ...options })
  app.get('/', async request => request.accessToken?.subject)
  t.equal((await app.inject('/')).headers['www-authenticate'], stockChallenge)
  t.equal((await app.inject({ url: '/', headers: { authorization: `Bearer ${await issuer.token({ sub: 'u' })}` } })).body, 'u')
})

test('options that cannot be used stop the boot', async t => {
  await t.rejects(async () => await createServer(t).register(byDefault, {} as never), { name: 'OptionError', code: 'FST_OAUTH_OPTION_INVALID' })
})

test('a host that has its own reply.unauthorized keeps it', async t => {
  const app = createServer(t)
  app.decorateReply('unauthorized', function (this: { code (status: number): { send (body: string): unknown } }) { return this.code(401).send('mine') } as never)
  await app.register(byDefault, optionsFor(await createFakeIssuer()))
  app.get('/', { config: { oauth: false } }, (_request, reply) => reply.unauthorized())
  const response = await app.inject('/')
  t.equal(response.body, 'mine')
  t.equal(response.headers['www-authenticate'], stockChallenge)
})

test('the host registers @fastify/sensible itself, before or after the plugin, or not at all [E4]', async t => {
  const options = optionsFor(await createFakeIssuer())
  for (const order of ['before', 'after', 'not at all']) {
    const app = createServer(t)
    if (order === 'before') app.register(sensible)
    app.register(byDefault, options)
    if (order === 'after') app.register(sensible)
    app.register(async child => {
      child.get('/', { config: { oauth: false } }, (_request, reply) => order === 'not at all' ? reply.code(401).send() : reply.unauthorized())
    })
    await app.ready()
    t.equal(app.hasReplyDecorator('unauthorized'), order !== 'not at all', order)
    const response = await app.inject('/')
    t.equal(response.statusCode, 401, order)
    t.equal(response.headers['www-authenticate'], stockChallenge, order)
    t.equal((await app.inject('/.well-known/oauth-protected-resource')).statusCode, 200, order)
    t.match((await app.inject('/.well-known/oauth-protected-resource/other')).json(), { statusCode: 404, error: 'Not Found' }, order)
  }
})
