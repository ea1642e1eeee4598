import { test } from 'tap'
import { bearer, resource } from '../support/app.ts'
import type { IntrospectionServer } from '../support/introspection.ts'
import { clientId, createIntrospectionServer, signedType } from '../support/introspection.ts'
import { createSigningKey } from '../support/issuer.ts'
import { accepted, answerOf, createTestServer, invalidToken, unavailable } from '../support/server.ts'

const now = 1_800_000_000
const active = { active: true, sub: 'user-1', aud: resource, scope: 'read' }

type Sign = (server: IntrospectionServer) => Promise<string>

async function serverThatSays (t: Parameters<typeof createIntrospectionServer>[0], sign: Sign, type = signedType): Promise<IntrospectionServer> {
  const server = await createIntrospectionServer(t, { signedResponseAlgorithm: 'ES256' })
  server.endpoint.answer(async () => new Response(await sign(server), { headers: { 'content-type': type } }))
  return server
}

test('a signed answer is asked for (R9701-01)', async t => {
  const { endpoint, get, issuer } = await createIntrospectionServer(t, { signedResponseAlgorithm: 'ES256' })
  endpoint.signAnswers()
  t.strictSame(answerOf(await get(endpoint.issue())), accepted)
  t.equal(endpoint.questions[0]!.headers.get('accept'), 'application/token-introspection+jwt')
  t.strictSame(issuer.requests, [issuer.metadataUrl, endpoint.endpoint, issuer.jwksUri])
  t.strictSame(answerOf(await get('unknown')), invalidToken)
  t.strictSame(answerOf(await get(endpoint.issue({ aud: 'other' }))), invalidToken)
})

test('what a signed answer has to be (F32, R9701-02, R9701-03, R9701-04)', async t => {
  const foreign = await createSigningKey('key-1', 'ES256')
  const rsa = await createSigningKey('rsa', 'RS256')
  const good: Record<string, Sign> = {
    'as it should be': ({ endpoint }) => endpoint.sign(active),
    'a type with its prefix': ({ endpoint }) => endpoint.sign(active, {}, { typ: 'application/token-introspection+jwt' }),
    'a type in another case': ({ endpoint }) => endpoint.sign(active, {}, { typ: 'Token-Introspection+JWT' }),
    'several audiences': ({ endpoint }) => endpoint.sign(active, { aud: ['other', clientId] }),
    'no key id': ({ endpoint }) => endpoint.sign(active, {}, { kid: undefined }),
    'a time of its own': ({ endpoint }) => endpoint.sign(active, { exp: now + 1 }),
    'longer than a token': ({ endpoint }) => endpoint.sign({ ...active, groups: Array.from({ length: 2000 }, (_, i) => `group-${i}`) })
  }
  const bad: Record<string, Sign> = {
    'another type': ({ endpoint }) => endpoint.sign(active, {}, { typ: 'at+jwt' }),
    'the type JWT': ({ endpoint }) => endpoint.sign(active, {}, { typ: 'JWT' }),
    'no type': ({ endpoint }) => endpoint.sign(active, {}, { typ: undefined }),
    'another issuer': ({ endpoint }) => endpoint.sign(active, { iss: 'https://evil.example' }),
    'no issuer': ({ endpoint }) => endpoint.sign(active, { iss: undefined }),
    'another audience': ({ endpoint }) => endpoint.sign(active, { aud: 'another-server' }),
    'the resource as audience': ({ endpoint }) => endpoint.sign(active, { aud: resource }),
    'no audience': ({ endpoint }) => endpoint.sign(active, { aud: undefined }),
    'no time of issue': ({ endpoint }) => endpoint.sign(active, { iat: undefined }),
    'a time of issue that is none': ({ endpoint }) => endpoint.sign(active, { iat: 'now' }),
    'past its expiry': ({ endpoint }) => endpoint.sign(active, { exp: now - 60 }),
    'a foreign key': ({ endpoint }) => endpoint.sign(active, {}, {}, foreign),
    'an unknown key': ({ endpoint }) => endpoint.sign(active, {}, { kid: 'unknown' }),
    'another algorithm': ({ endpoint, issuer }) => { issuer.keys.unshift(rsa); return endpoint.sign(active, {}, {}, rsa) },
    'no algorithm': async ({ endpoint }) => {
      const [, payload] = (await endpoint.sign(active)).split('.')
      return `${Buffer.from('{"alg":"none","typ":"token-introspection+jwt"}').toString('base64url')}.${payload}.`
    },
    'a secret algorithm': async ({ endpoint }) => {
      const [, payload, signature] = (await endpoint.sign(active)).split('.')
      return `${Buffer.from('{"alg":"HS256","typ":"token-introspection+jwt","kid":"key-1"}').toString('base64url')}.${payload}.${signature}`
    },
    'a critical extension': ({ endpoint }) => endpoint.sign(active, {}, { b64: true, crit: ['b64'] }),
    'no token data': ({ endpoint }) => endpoint.sign(active, { token_introspection: undefined }),
    'token data that is a list': ({ endpoint }) => endpoint.sign(active, { token_introspection: [active] }),
    'token data beside the place for it': ({ endpoint }) => endpoint.sign(active, { ...active, aud: clientId, token_introspection: undefined }),
    'a no that nobody signed': ({ endpoint }) => endpoint.sign({ active: 'no' }, {}, {}, foreign),
    'R9701-06 encrypted, and by no means signed': async () => 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAA.AAAA.AAAA',
    'no JWT': async () => JSON.stringify(active)
  }
  for (const [title, sign] of Object.entries(good)) {
    t.strictSame(answerOf(await (await serverThatSays(t, sign)).get('opaque')), accepted, title)
  }
  for (const [title, sign] of Object.entries(bad)) {
    const server = await serverThatSays(t, sign)
    t.strictSame(answerOf(await server.get('opaque')), unavailable, title)
    t.strictSame(server.handled, [], title)
  }
})

test('the type of the answer is read without case and parameters (R9701-02)', async t => {
  const cases: Array<[type: string, good: boolean]> = [
    ['Application/Token-Introspection+JWT; charset=utf-8', true], ['application/token-introspection+jwt ;x=y', true],
    ['application/jwt', false], ['application/json', false], ['application/token-introspection+jwtx', false], ['', false]
  ]
  for (const [type, good] of cases) {
    const { get } = await serverThatSays(t, ({ endpoint }) => endpoint.sign(active), type)
    t.strictSame(answerOf(await get('opaque')), good ? accepted : unavailable, type)
  }
})

test('only the token data is token data (R9701-05, R9701-09)', async t => {
  const { get } = await serverThatSays(t, ({ endpoint }) => endpoint.sign(active, { sub: 'admin', scope: 'write', exp: now + 9999, active: false }))
  const { accessToken } = (await get('opaque')).json()
  t.match(accessToken, { subject: 'user-1', scopes: ['read'], expiresAt: null })
})

test('a plain answer is a downgrade, whatever it says (R9701-07)', async t => {
  for (const answer of [active, { active: false }, {}]) {
    const server = await createIntrospectionServer(t, { signedResponseAlgorithm: 'ES256' })
    server.endpoint.say(answer)
    t.strictSame(answerOf(await server.get('opaque')), unavailable, JSON.stringify(answer))
  }
  const plain = await createIntrospectionServer(t)
  plain.endpoint.signAnswers()
  t.strictSame(answerOf(await plain.get(plain.endpoint.issue())), unavailable, 'and a signature that nobody would check is none')
})

test('the keys of the issuer may change in between (R9701-04)', async t => {
  const { clock, endpoint, get, issuer } = await createIntrospectionServer(t, { signedResponseAlgorithm: 'ES256' })
  endpoint.signAnswers()
  t.strictSame(answerOf(await get(endpoint.issue())), accepted)
  await issuer.rotate()
  clock.advance(31)
  t.strictSame(answerOf(await get(endpoint.issue())), accepted)
  t.equal(issuer.requests.filter(url => url === issuer.jwksUri).length, 2)
  issuer.answer(issuer.jwksUri, () => new Response('', { status: 500 }))
  await issuer.rotate()
  clock.advance(31)
  t.strictSame(answerOf(await get(endpoint.issue())), unavailable)
})

test('a signed answer is no access token (R9701-08)', async t => {
  for (const rule of [{}, { profile: 'jwt' as const }]) {
    const { app, issuer } = await createTestServer(t, { rule })
    const helper = await createIntrospectionServer(t)
    const claims = { aud: resource, sub: 'user-1', client_id: 'client-1', jti: 'x', exp: now + 300, iss: issuer.issuer }
    const replayed = await helper.endpoint.sign(active, claims, {}, issuer.keys[0])
    t.strictSame(answerOf(await app.inject({ url: '/', headers: bearer(replayed) })), invalidToken)
  }
  const asked = await createIntrospectionServer(t)
  t.strictSame(answerOf(await asked.get(await asked.endpoint.sign(active))), invalidToken)
})
