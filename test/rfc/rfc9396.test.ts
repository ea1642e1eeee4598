// RFC 9396, OAuth 2.0 Rich Authorization Requests, at the resource server.
import { test } from 'tap'
import type { FastifyRequest } from 'fastify'
import type { AuthorizationDetailsRule, OAuthResourceServerOptions } from '../../plugins/index.ts'
import type { IssuerOptions } from '../../lib/config/issuer.ts'
import { resource } from '../support/app.ts'
import type { Answer, TestServer } from '../support/server.ts'
import { accepted, answerOf, createTestServer, invalidToken, unavailable } from '../support/server.ts'

const refused: Answer = { status: 403, error: undefined, pointer: false }
const payment = { type: 'payment', actions: ['initiate'], limit: 100 }
const url = '/payments?amount=50'

/** What was approved must name the action and cover the amount. */
const covers: AuthorizationDetailsRule<FastifyRequest> = (details, request) => details.some(({ type, actions, limit }) =>
  type === 'payment' && Array.isArray(actions) && actions.includes('initiate') &&
  Number((request.query as { amount: string }).amount) <= (limit as number))

async function createPayments (
  t: Parameters<typeof createTestServer>[0], options: Partial<OAuthResourceServerOptions> = {}, rule: Omit<IssuerOptions, 'issuer'> = {},
  authorizationDetails = covers
): Promise<TestServer> {
  const server = await createTestServer(t, { options, rule })
  server.app.get('/payments', { config: { oauth: { authorizationDetails } } }, async () => 'paid')
  return server
}

test('details are read from a JWT (R9396-01)', async t => {
  const { get, issuer } = await createPayments(t)
  const response = await get(await issuer.token({ authorization_details: [payment] }))
  t.strictSame(response.json<{ accessToken: { authorizationDetails: unknown } }>().accessToken.authorizationDetails, [payment])
  t.strictSame(answerOf(await get(await issuer.token({ authorization_details: [payment] }), { url })), accepted)
})

test('details are read from an introspection answer (R9396-01)', async t => {
  const endpoint = 'https://login.example.com/introspect'
  const authentication = { method: 'client_secret_basic' as const, clientSecret: 'secret' }
  const { get, issuer, clock } = await createPayments(t, {}, { introspection: { clientId: 'api', authentication, endpoint, cacheSeconds: 0 } })
  for (const [limit, expected] of [[100, accepted], [10, refused]] as const) {
    issuer.answer(endpoint, () => Response.json({
      active: true, iss: issuer.issuer, aud: resource, sub: 'ann', client_id: 'app', exp: clock.now() / 1000 + 300,
      authorization_details: [{ ...payment, limit }]
    }))
    t.strictSame(answerOf(await get('opaque', { url })), expected)
  }
})

test('details that are no list of objects with a type make the token invalid (R9396-01)', async t => {
  const { get, issuer } = await createPayments(t)
  for (const details of [payment, 'payment', [{ actions: [] }], [null], ['payment']]) {
    t.strictSame(answerOf(await get(await issuer.token({ authorization_details: details }), { url })), invalidToken, JSON.stringify(details))
  }
})

const table: ReadonlyArray<readonly [string, unknown, string, Answer]> = [
  ['R9396-02 an amount that was approved', [payment], '/payments?amount=100', accepted],
  ['R9396-02 an amount above it', [payment], '/payments?amount=101', refused],
  ['R9396-02 another action', [{ ...payment, actions: ['status'] }], url, refused],
  ['R9396-02 no details', undefined, url, refused],
  ['R9396-02 an empty list of them', [], url, refused],
  ['R9396-02 a route that asks for none', undefined, '/', accepted],
  ['R9396-03 a type that is not known grants nothing', [{ ...payment, type: 'payment_v2' }], url, refused],
  ['R9396-03 a type that is not known takes nothing away', [{ type: 'other' }, payment], url, accepted],
  ['R9396-04 for this location', [{ ...payment, locations: [resource] }], url, accepted],
  ['R9396-04 for another location', [{ ...payment, locations: ['https://bank.example.com'] }], url, refused]
]

for (const [title, details, asked, expected] of table) {
  test(title, async t => {
    const { get, issuer } = await createPayments(t)
    const response = await get(await issuer.token({ authorization_details: details }), { url: asked })
    t.strictSame(answerOf(response), expected)
    if (expected === refused) t.equal(response.json<{ code: string }>().code, 'FST_OAUTH_AUTHORIZATION_DETAILS_INSUFFICIENT')
  })
}

test('where the document lists types, the others grant nothing (R9396-03, R9396-05)', async t => {
  const anyDetail: AuthorizationDetailsRule<FastifyRequest> = async details => details.length > 0
  const metadata = { authorization_details_types_supported: ['account'] }
  const { app, get, issuer } = await createPayments(t, { metadata }, {}, anyDetail)
  t.strictSame(answerOf(await get(await issuer.token({ authorization_details: [payment] }), { url })), refused)
  t.strictSame(answerOf(await get(await issuer.token({ authorization_details: [{ type: 'account' }] }), { url })), accepted)
  const document = await app.inject('/.well-known/oauth-protected-resource')
  t.match(document.json(), metadata)
})

test('whether details suffice could not be found out: 503 (R9396-02)', async t => {
  const { get, issuer } = await createPayments(t, {}, {}, async () => { throw new Error('the ledger is gone') })
  t.strictSame(answerOf(await get(await issuer.token({ authorization_details: [payment] }), { url })), unavailable)
})
