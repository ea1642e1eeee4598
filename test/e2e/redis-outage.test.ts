import { Redis } from 'ioredis'
import { test } from 'tap'
import { createRefresh } from '../../lib/client/oauth/refresh-token.ts'
import { createSession } from '../../lib/client/session/session.ts'
import type { RedisClient } from '../../lib/stores/redis-client.ts'
import { createRedisTokenStore } from '../../lib/stores/tokens/redis-token-store.ts'
import { resource } from '../support/app.ts'
import { createTestClock } from '../support/clock.ts'
import { missingPart } from '../support/missing-part.ts'
import { startRedis } from '../support/redis-server.ts'
import { startRotatingIssuer } from '../support/rotating-issuer.ts'

test('a Redis that stops while the rotated refresh token is stored does not cost the session (R38)', { skip: missingPart('redis') }, async t => {
  const [{ url }, issuer] = await Promise.all([startRedis(t), startRotatingIssuer(t)])
  const [operator, redis] = [new Redis(url), new Redis(url)]
  t.teardown(() => { for (const one of [operator, redis]) one.disconnect() })
  let isBroken = false
  const client: RedisClient = {
    async sendCommand (command) {
      const reply = redis.call(...command as [string])
      if (!isBroken) return await reply
      reply.catch(() => {})
      throw new Error('Connection is closed.')
    }
  }
  const clock = createTestClock()
  const store = createRedisTokenStore({ client, key: 'ann' })
  const session = createSession({
    tokenStore: store,
    refresh: createRefresh({
      server: { issuer: issuer.issuer, token_endpoint: issuer.tokenEndpoint }, clientId: issuer.clientId, authentication: { method: 'none' }, resource, clock
    }),
    clock
  })
  t.teardown(() => session.close())
  const old = await issuer.grant()
  await session.signIn({ accessToken: 'dead', tokenType: 'Bearer', refreshToken: old, expiresAt: clock.now(), scopes: ['read'] })

  issuer.gate = async () => {
    // It reads, and keeps what is to be written for later; the answer will not arrive.
    await operator.call('CLIENT', 'PAUSE', '600000', 'WRITE')
    isBroken = true
    return true
  }
  const fault = await session.token().catch((error: unknown) => error)
  t.match(fault, { name: 'SessionError', code: 'FST_OAUTH_SESSION_STORE_FAILED', needsAuthorization: false, cause: { name: 'RedisStoreError' } })
  t.same(issuer.statuses, [200], 'the refresh token is used up')
  const others = createRedisTokenStore({ client: operator, key: 'ann' })
  t.equal((await others.read())!.tokens!.refreshToken, old, 'and the old session is still what is stored')

  await operator.call('CLIENT', 'UNPAUSE')
  isBroken = false
  const { accessToken, refreshToken } = await session.token()
  t.not(refreshToken, old)
  t.same(issuer.statuses, [200], 'what was got is not asked for again')
  t.match((await others.read())!.tokens, { accessToken, refreshToken })

  clock.advance(3600)
  issuer.gate = async () => true
  t.not((await session.token()).accessToken, accessToken)
  t.same(issuer.statuses, [200, 200])
  t.equal(issuer.revokedGrants(), 0)
})
