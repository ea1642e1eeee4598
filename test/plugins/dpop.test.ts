import type { FastifyInstance } from 'fastify'
import { test } from 'tap'
import { createTestClient, createTestIssuer } from '../../plugins/entry-points/testing.ts'
import { createApp, resource } from '../support/app.ts'
import { rawRequest } from '../support/raw-request.ts'

const issuer = createTestIssuer({ resource })
const client = createTestClient()
const token = issuer.token({ boundTo: client })
const headersFor = (path: string): Record<string, string> => ({ ...client.headers({ url: `${resource}${path}`, token }) })

test('config.oauth.dpop of a route overrides what the plugin says', async t => {
  const app = await createApp(t, { ...issuer.options, dpop: 'allowed' })
  for (const dpop of ['off', 'allowed', 'required'] as const) app.get(`/${dpop}`, { config: { oauth: { dpop } } }, async () => 'in')
  const status = async (path: string, headers: Record<string, string>): Promise<number> => (await app.inject({ url: path, headers })).statusCode
  t.strictSame([await status('/off', issuer.headers()), await status('/off', headersFor('/off'))], [200, 401])
  t.strictSame([await status('/allowed', issuer.headers()), await status('/allowed', headersFor('/allowed'))], [200, 200])
  t.strictSame([await status('/required', issuer.headers()), await status('/required', headersFor('/required'))], [401, 200])
  const schemes = async (path: string): Promise<unknown> => [(await app.inject(path)).headers['www-authenticate']].flat().map(line => line!.split(' ')[0])
  t.strictSame([await schemes('/off'), await schemes('/allowed'), await schemes('/required')], [['Bearer'], ['Bearer', 'DPoP'], ['DPoP']])
})

test('a route that contradicts the plugin stops the boot', async t => {
  for (const [options, oauth, message] of [
    [{}, { dpop: 'allowed' }, /has no effect without the dpop option/], [{}, { dpop: 'required' }, /has no effect without the dpop option/],
    [{ dpop: 'required' }, { dpop: 'allowed' }, /contradicts the dpop option/], [{ dpop: 'required' }, { dpop: 'off' }, /contradicts the dpop option/],
    [{ dpop: 'allowed' }, { dpop: 'required', token: 'none' }, /cannot be combined with token: 'none'/], [{ dpop: 'allowed' }, { dpop: 'always' }, /dpop/]
  ] as const) {
    const app = await createApp(t, { ...issuer.options, ...options })
    await t.rejects(async () => { app.get('/', { config: { oauth: oauth as never } }, async () => 'in'); await app.ready() }, { message })
  }
})

test('the DPoP challenge is merged into what another party sends, and a route without challenges still provides the nonce', async t => {
  const app = await createApp(t, { ...issuer.options, dpop: { nonce: true } })
  app.get('/other', { config: { oauth: false } }, async (_request, reply) =>
    await reply.code(401).header('www-authenticate', ['Basic realm="x"', 'DPoP algs="RS512", error="invalid_token"']).send())
  app.get('/none', { config: { oauth: { challenge: 'none' } } }, async () => 'in')
  const lines = (await app.inject('/other')).headers['www-authenticate'] as unknown as string[]
  t.strictSame(lines.map(line => line.split(' ')[0]), ['Bearer', 'DPoP', 'Basic'])
  t.match(lines[1], /^DPoP resource_metadata=".*", algs="RS512", error="invalid_token"$/)
  const { headers } = await app.inject({ url: '/none', headers: headersFor('/none') })
  t.equal(headers['www-authenticate'], undefined)
  t.type(headers['dpop-nonce'], 'string')
})

test('a hook of the host that verifies the token once more does not use up the proof twice', async t => {
  const app = await createApp(t, { ...issuer.options, dpop: 'allowed' })
  app.get('/', { preHandler: (...args) => app.verifyAccessToken(...args) }, async request => request.accessToken!.confirmation)
  const response = await app.inject({ url: '/', headers: headersFor('/') })
  t.strictSame(response.json(), { keyThumbprint: client.thumbprint, certificateThumbprint: null })
})

test('without a cache of tokens, a proof is good for its own token and no other', async t => {
  const app = await createApp(t, { ...issuer.options, dpop: 'required', tokenCache: false })
  app.get('/', async () => 'in')
  const other = issuer.token({ boundTo: client, subject: 'user-2' })
  const status = async (presented: string, proven: string): Promise<number> => {
    const { dpop } = client.headers({ url: `${resource}/`, token: proven })
    return (await app.inject({ url: '/', headers: { authorization: `DPoP ${presented}`, dpop } })).statusCode
  }
  t.strictSame([await status(token, token), await status(other, other), await status(token, other)], [200, 200, 401])
})

test('RFC 9449 7.1 and 7.2 on the wire: two challenges are two lines, and each DPoP header counts [R9449-01, R9449-24, R9449-27]', async t => {
  const app: FastifyInstance = await createApp(t, { ...issuer.options, dpop: 'allowed' })
  app.get('/', async () => 'in')
  await app.listen({ port: 0, host: 'localhost' })
  const { port } = app.server.address() as { port: number }
  const host = ['Host', 'localhost'] as const
  const anonymous = await rawRequest(port, 'GET / HTTP/1.1', [host])
  t.strictSame(anonymous.headers.filter(([name]) => name === 'www-authenticate').map(([, value]) => value.split(' ')[0]), ['Bearer', 'DPoP'])
  const authorization = ['Authorization', `DPoP ${token}`] as const
  const proof = (): readonly [string, string] => ['DPoP', headersFor('/').dpop!]
  t.equal((await rawRequest(port, 'GET / HTTP/1.1', [host, authorization, proof()])).status, 200)
  t.equal((await rawRequest(port, 'GET http://evil.example/ HTTP/1.1', [host, authorization, proof()])).status, 200, 'in absolute form')
  t.equal((await rawRequest(port, 'GET / HTTP/1.1', [host, authorization, proof(), proof()])).status, 401)
  t.equal((await rawRequest(port, 'GET / HTTP/1.1', [host, authorization, ['Authorization', `Bearer ${issuer.token()}`], proof()])).status, 400)
})
