import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import { test } from 'tap'
import { resolveConfig } from '../../lib/config/resolve.ts'
import oauthResourceServer from '../../plugins/index.ts'
import { createApp, optionsFor } from '../support/app.ts'
import { createTestClock } from '../support/clock.ts'
import { createFakeIssuer } from '../support/issuer.ts'

const wellKnown = '/.well-known/oauth-authorization-server'
const on = { authorizationServerMirror: true, resource: 'https://api.example.com/mcp' }

test('off by default (F10, MCPS-35)', async t => {
  const app = await createApp(t, optionsFor(await createFakeIssuer()))
  t.equal((await app.inject(wellKnown)).statusCode, 404)
})

test('the document of the first advertised issuer, word for word (F10, MCPS-35)', async t => {
  const issuer = await createFakeIssuer()
  const document = { issuer: issuer.issuer, jwks_uri: issuer.jwksUri, authorization_endpoint: 'https://login.example.com/auth' }
  issuer.answer(issuer.metadataUrl, () => Response.json(document))
  const app = await createApp(t, optionsFor(issuer, {
    ...on, authorizationServers: [{ issuer: 'https://hidden.example.com', advertised: false }, issuer.issuer]
  }))
  for (const url of [wellKnown, `${wellKnown}/mcp`, `${wellKnown}/mcp?v=1`]) {
    const response = await app.inject({ url, headers: { origin: 'https://client.example.com' } })
    t.same(response.json(), document, url)
    t.match(response.headers, { 'content-type': /^application\/json/, 'access-control-allow-origin': '*' })
  }
  t.same(issuer.requests, [issuer.metadataUrl], 'fetched once')
  t.equal((await app.inject(`${wellKnown}/other`)).statusCode, 404)
  t.match(await app.inject({ method: 'OPTIONS', url: wellKnown }), { statusCode: 204, headers: { 'access-control-allow-headers': /Authorization/ } })
})

test('a script of any origin may read it, whatever CORS headers the host sets', async t => {
  const issuer = await createFakeIssuer()
  const app = Fastify()
  t.teardown(() => app.close())
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers({ 'access-control-allow-origin': 'https://app.example.com', 'access-control-allow-credentials': 'true' })
  })
  await app.register(oauthResourceServer, optionsFor(issuer, on))
  for (const method of ['GET', 'OPTIONS'] as const) {
    const { headers } = await app.inject({ method, url: wellKnown, headers: { origin: 'https://client.example.com' } })
    t.equal(headers['access-control-allow-origin'], '*', method)
    t.equal(headers['access-control-allow-credentials'], undefined, method)
  }
})

test('503 when it cannot be had, or is another\'s (F10)', async t => {
  for (const answer of [() => new Response('', { status: 500 }), () => Response.json({ issuer: 'https://evil.example.com' })]) {
    const clock = createTestClock()
    const issuer = await createFakeIssuer({ clock })
    issuer.answer(issuer.metadataUrl, answer)
    const app = await createApp(t, optionsFor(issuer, { ...on, clock }))
    const response = await app.inject(wellKnown)
    t.match(response, { statusCode: 503, headers: { 'retry-after': '5', 'cache-control': 'no-store' } })
    issuer.answer(issuer.metadataUrl, null)
    clock.advance(5)
    t.equal((await app.inject(wellKnown)).statusCode, 200, 'and again when it can')
  }
})

test('several resources: each under its path, the first at the root (F10)', async t => {
  const [one, two] = [await createFakeIssuer(), await createFakeIssuer({ issuer: 'https://two.example.com' })]
  const app = await createApp(t, optionsFor(one, on))
  await app.register(async child => {
    await child.register(oauthResourceServer, optionsFor(two, { ...on, resource: 'https://api.example.com/two' }))
  })
  t.equal((await app.inject(wellKnown)).json().issuer, one.issuer)
  t.equal((await app.inject(`${wellKnown}/two`)).json().issuer, two.issuer)
})

test('a resource of a child scope: at the root of the origin all the same (F10)', async t => {
  const issuer = await createFakeIssuer()
  const app = Fastify() as FastifyInstance
  t.teardown(() => app.close())
  await app.register(async child => { await child.register(oauthResourceServer, optionsFor(issuer, on)) }, { prefix: '/prefix' })
  t.equal((await app.inject(`${wellKnown}/mcp`)).statusCode, 200)
})

test('there must be an issuer to copy (F10)', t => {
  const authorizationServers = [{ issuer: 'https://hidden.example.com', advertised: false }]
  t.throws(() => resolveConfig({ ...on, authorizationServers }), { message: /authorizationServerMirror/ })
  t.end()
})
