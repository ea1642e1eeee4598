// RFC 8693 sections 4.1 and 4.4: who acts for whom, at the resource server.
import { test } from 'tap'
import { actorChain } from '../../plugins/index.ts'
import type { AccessToken, RouteOptions } from '../../plugins/index.ts'
import type { Answer, TestServer } from '../support/server.ts'
import { accepted, answerOf, createTestServer, invalidToken } from '../support/server.ts'

const refused: Answer = { status: 403, error: undefined, pointer: false }
const issuer = 'https://login.example.com'
const other = 'https://other.example.com'
type Claims = Record<string, unknown>

/** A route for each thing that can be said of actors. */
const routes: Readonly<Record<string, NonNullable<RouteOptions['actors']>>> = {
  any: 'any', none: 'none', required: 'required', gateway: [{ issuer, subject: 'gateway' }]
}

async function createDelegationServer (
  t: Parameters<typeof createTestServer>[0], given: Parameters<typeof createTestServer>[1] = {}
): Promise<TestServer> {
  const server = await createTestServer(t, given)
  for (const [name, actors] of Object.entries(routes)) {
    server.app.get(`/${name}`, { config: { oauth: { actors } } }, async () => name)
  }
  return server
}

function nested (depth: number): Claims {
  return depth === 1 ? { sub: 'first' } : { sub: `actor-${depth}`, act: nested(depth - 1) }
}

// Who may act on: any, none, required, gateway.
const matrix: ReadonlyArray<readonly [string, Claims, readonly [Answer, Answer, Answer, Answer]]> = [
  ['R8693-10 nobody acts', {}, [accepted, accepted, refused, refused]],
  ['R8693-10 the gateway acts', { act: { sub: 'gateway' } }, [accepted, refused, accepted, accepted]],
  ['R8693-10 somebody else acts', { act: { sub: 'robot' } }, [accepted, refused, accepted, refused]],
  ['R8693-02 the gateway acted before: no ground for a decision', { act: { sub: 'robot', act: { sub: 'gateway' } } },
    [accepted, refused, accepted, refused]],
  ['R8693-02 somebody else acted before: no ground either', { act: { sub: 'gateway', act: { sub: 'robot' } } },
    [accepted, refused, accepted, accepted]],
  ['R8693-03 only identity has a meaning inside of act', { act: { sub: 'gateway', exp: 1, aud: 'x', nbf: 9e9, act: { sub: 'a', exp: 1 } } },
    [accepted, refused, accepted, accepted]],
  ['R8693-04 the issuer of the token is that of the actor', { act: { sub: 'gateway', iss: issuer } }, [accepted, refused, accepted, accepted]],
  ['R8693-04 the same subject of another issuer is another actor', { act: { sub: 'gateway', iss: other } },
    [accepted, refused, accepted, refused]],
  ['R8693-05 act without an identity', { act: { client_id: 'gateway' } }, [invalidToken, invalidToken, invalidToken, invalidToken]],
  ['R8693-05 act that is no object', { act: 'gateway' }, [invalidToken, invalidToken, invalidToken, invalidToken]],
  ['R8693-06 may_act is no delegation', { may_act: { sub: 'gateway' } }, [accepted, accepted, refused, refused]],
  ['R8693-07 the client is not the actor', { client_id: 'gateway', azp: 'gateway' }, [accepted, accepted, refused, refused]],
  ['R8693-08 the subject that acts for itself', { sub: 'ann', act: { sub: 'ann' } }, [accepted, accepted, refused, refused]],
  ['R8693-12 a long chain', { act: nested(8) }, [accepted, refused, accepted, refused]],
  ['R8693-12 a chain that is too long', { act: nested(100) }, [invalidToken, invalidToken, invalidToken, invalidToken]]
]

for (const [title, claims, expected] of matrix) {
  test(title, async t => {
    const { get, issuer: { token } } = await createDelegationServer(t)
    const answers = await Promise.all(Object.keys(routes).map(async name => answerOf(await get(await token(claims), { url: `/${name}` }))))
    t.strictSame(answers, expected)
  })
}

test('act of an introspection answer is handled alike (R8693-09)', async t => {
  const endpoint = `${issuer}/introspect`
  const authentication = { method: 'client_secret_basic' as const, clientSecret: 'secret' }
  const introspection = { clientId: 'api', authentication, endpoint, cacheSeconds: 0 }
  const { get, issuer: fake, clock } = await createDelegationServer(t, { rule: { introspection } })
  for (const [act, expected] of [
    [undefined, refused], [{ sub: 'gateway' }, accepted], [{ sub: 'robot', act: { sub: 'gateway' } }, refused], ['gateway', invalidToken]
  ] as const) {
    fake.answer(endpoint, () => Response.json({
      active: true, iss: issuer, aud: 'https://api.example.com', sub: 'ann', client_id: 'app', exp: clock.now() / 1000 + 300, act
    }))
    t.strictSame(answerOf(await get('opaque', { url: '/gateway' })), expected)
  }
})

test('a refusal is 403 and starts no step-up of scope (R8693-11)', async t => {
  const { get, issuer: { token } } = await createDelegationServer(t)
  const response = await get(await token({ act: { sub: 'robot' } }), { url: '/none' })
  t.equal(response.statusCode, 403)
  t.equal(response.headers['www-authenticate'], undefined)
  t.notMatch(response.body, /insufficient_scope/)
  t.equal(response.json<{ code: string }>().code, 'FST_OAUTH_ACTOR_REFUSED')
})

test('handlers see subject, actor and chain (R8693-01, F58)', async t => {
  const { app, get, issuer: { token } } = await createDelegationServer(t)
  app.get('/who', async request => {
    const { subject, actor } = request.accessToken!
    return { subject, actor, chain: actorChain(request.accessToken!) }
  })
  const act = { sub: 'gateway', act: { sub: 'robot', iss: other } }
  t.strictSame((await get(await token({ sub: 'ann', act }), { url: '/who' })).json(), {
    subject: 'ann',
    actor: { issuer, subject: 'gateway' },
    chain: [{ issuer, subject: 'gateway' }, { issuer: other, subject: 'robot' }]
  })
})

test('what an audit log says of a request: subject, actors, client and token, and never the token itself (R8693-13, S17)', async t => {
  const { app, get, issuer: { token } } = await createDelegationServer(t)
  const lines: string[] = []
  const record = (accessToken: AccessToken): object => {
    const { subject, clientId, tokenId } = accessToken
    return { subject, actors: actorChain(accessToken), clientId, tokenId }
  }
  app.addHook('onResponse', async ({ accessToken, method, url }, { statusCode }) => {
    if (accessToken !== null) lines.push(JSON.stringify({ method, url, statusCode, ...record(accessToken), accessToken }))
  })
  const impersonated = await token({ sub: 'ann', act: { sub: 'sam-of-staff' }, client_id: 'desk', jti: 'token-7' })
  t.equal((await get(impersonated, { url: '/any' })).statusCode, 200)
  t.equal((await get(impersonated, { url: '/none' })).statusCode, 403)
  t.match(lines.map(line => JSON.parse(line) as object), [200, 403].map(statusCode => ({
    statusCode, subject: 'ann', actors: [{ issuer, subject: 'sam-of-staff' }], clientId: 'desk', tokenId: 'token-7'
  })))
  for (const part of impersonated.split('.')) t.notMatch(lines.join(), part)
})
