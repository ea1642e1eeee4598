import { test } from 'tap'
import { createMemoryRevocationStore } from '../../plugins/index.ts'
import type { CustomToken } from '../../plugins/index.ts'
import { addIntrospection, clientId, secret } from '../support/introspection.ts'
import { accepted, answerOf, createTestServer, insufficientScope, invalidToken, noCredentials, unavailable } from '../support/server.ts'

const keys: Record<string, CustomToken> = {
  pat_reader: { subject: 'ann', tokenId: 'key-1', issuedAt: 1 },
  pat_writer: { subject: 'ann', tokenId: 'key-2', scopes: ['write'], issuedAt: 1 },
  pat_bound: { subject: 'ann', organizations: ['acme'] }
}

test('personal access tokens and API keys, beside JWTs and opaque tokens and by the same rules (F34)', async t => {
  const asked: string[] = []
  const lookUp = (token: string): CustomToken | null => {
    asked.push(token)
    return keys[token] ?? null
  }
  const server = await createTestServer(t, {
    rule: { introspection: { clientId, authentication: secret } },
    options: {
      customTokens: [
        { prefix: 'pat_', verify: lookUp },
        { prefix: 'key_', verify: async token => token === 'key_1' ? { subject: 'robot', principalType: 'client', clientId: 'robot' } : null, issuer: 'https://keys.example' }
      ],
      organizationOf: () => 'globex'
    }
  })
  const { app, get, clock, issuer } = server
  const endpoint = addIntrospection(issuer, clock)

  t.match((await get('pat_reader')).json(), { accessToken: { issuer: 'https://api.example.com', subject: 'ann', tokenId: 'key-1', scopes: [] } })
  t.match((await get('key_1')).json(), { accessToken: { issuer: 'https://keys.example', subject: 'robot', principalType: 'client' } })
  t.strictSame(answerOf(await get('pat_reader', { url: '/write' })), insufficientScope)
  t.strictSame(answerOf(await get('pat_writer', { url: '/write' })), accepted)
  t.match(await get('pat_bound'), { statusCode: 403 }, 'bound to another organization')
  for (const token of ['pat_unknown', 'key_2', 'pat_']) t.strictSame(answerOf(await get(token)), invalidToken)
  t.strictSame(answerOf(await app.inject('/')), noCredentials)
  t.strictSame(issuer.requests, [], 'the authorization server hears nothing of them')

  const before = asked.length
  t.strictSame(answerOf(await get(endpoint.issue())), accepted)
  t.equal(asked.length, before, 'nor they of its tokens')
})

test('an answer is remembered only where that is wanted, and never past the expiry (F34)', async t => {
  const asked: string[] = []
  const clockOf = { now: 0 }
  const verify = (token: string): CustomToken => {
    asked.push(token)
    return { subject: 'ann', expiresAt: clockOf.now + 20 }
  }
  const { clock, get } = await createTestServer(t, { options: { customTokens: [{ prefix: 'a_', verify }, { prefix: 'b_', verify, cacheSeconds: 30 }] } })
  clockOf.now = clock.now() / 1000
  for (let i = 0; i < 3; i++) {
    t.strictSame(answerOf(await get('a_1')), accepted)
    t.strictSame(answerOf(await get('b_1')), accepted)
  }
  t.strictSame(asked, ['a_1', 'b_1', 'a_1', 'a_1'])
  clock.advance(20)
  t.strictSame(answerOf(await get('b_1')), invalidToken)
  t.equal(asked.length, 5)
})

test('a key that is revoked, and a look-up that fails (F34)', async t => {
  let down = false
  const revocations = createMemoryRevocationStore()
  const { get } = await createTestServer(t, {
    options: {
      revocations,
      customTokens: [{
        prefix: 'pat_',
        cacheSeconds: 60,
        async verify (token) {
          if (down) throw new Error('the database is gone')
          return keys[token]
        }
      }]
    }
  })
  t.strictSame(answerOf(await get('pat_reader')), accepted)
  revocations.revoke({ issuer: 'https://api.example.com', tokenId: 'key-1' })
  t.strictSame(answerOf(await get('pat_reader')), invalidToken, 'with the next request')
  t.strictSame(answerOf(await get('pat_writer')), accepted)
  down = true
  t.strictSame(answerOf(await get('pat_writer')), accepted, 'what is remembered serves')
  t.strictSame(answerOf(await get('pat_bound')), unavailable)
  down = false
  t.equal((await get('pat_bound')).statusCode, 403)
})
