/** 1,000 sessions of one process that refresh at once, over 1,000 token requests and nothing else. */
import * as oauth from 'oauth4webapi'
import { start } from './support/http.js'
import { load } from './support/ours.js'
import { runAlone } from './support/report.js'
import { cpuOf, interleave, over } from './support/rounds.js'
import { amount, rounds } from './support/settings.js'
import { median } from './support/statistics.js'

const { createMemoryTokenStore, createSession } = await load('entry-points/client')
const sessions = amount(1000, 250)
const lifetimeSeconds = 3600

/** The token request as everybody sends it, and what is read of the answer. */
async function requestTokens (endpoint, refreshToken) {
  const server = { issuer: endpoint, token_endpoint: endpoint }
  const client = { client_id: 'bench' }
  const response = await oauth.refreshTokenGrantRequest(server, client, oauth.None(), refreshToken, { [oauth.allowInsecureRequests]: true })
  const tokens = await oauth.processRefreshTokenResponse(server, client, response)
  return { accessToken: tokens.access_token, tokenType: 'Bearer', refreshToken: tokens.refresh_token, expiresAt: Math.floor(Date.now() / 1000) + tokens.expires_in, scopes: null }
}

/** A session that is in use. */
async function createUsedSession (endpoint, clock) {
  const tokenStore = createMemoryTokenStore()
  await tokenStore.write({ accessToken: 'old', tokenType: 'Bearer', refreshToken: 'old', expiresAt: Math.floor(Date.now() / 1000) + lifetimeSeconds, scopes: null }, null)
  const session = createSession({ tokenStore, refresh: ({ refreshToken }) => requestTokens(endpoint, refreshToken), clock })
  await session.token()
  return session
}

/** Sessions whose tokens are about to expire. */
async function createDueSessions (endpoint) {
  let passedMs = 0
  const clock = { now: () => Date.now() + passedMs }
  const created = await Promise.all(Array.from({ length: sessions }, () => createUsedSession(endpoint, clock)))
  passedMs = (lifetimeSeconds - 10) * 1000
  return created.map(session => () => session.token())
}

export async function bench () {
  const server = await start('token-endpoint.js')
  const endpoint = `http://127.0.0.1:${server.message.port}/token`
  const raw = () => Array.from({ length: sessions }, () => () => requestTokens(endpoint, 'old'))
  const contenders = [
    { name: 'token requests', role: 'reference', prepare: raw },
    { name: 'token requests, once more', role: 'error', prepare: raw },
    {
      name: 'sessions of this package',
      role: 'ours',
      prepare: async () => await createDueSessions(endpoint)
    }
  ]
  const samples = await interleave(contenders, rounds, async ({ prepare }) => {
    const calls = await prepare()
    return await cpuOf(async () => {
      const answers = await Promise.all(calls.map(call => call()))
      if (answers.some(({ accessToken }) => accessToken === 'old')) throw new Error('a session was not refreshed')
    })
  }, 2)
  await server.stop()
  const base = samples.get(contenders[0].name)
  return [{
    title: `${sessions.toLocaleString('en')} sessions of one process that refresh at once`,
    unit: `CPU of the client, × ${sessions.toLocaleString('en')} token requests`,
    limit: 1.2,
    base: `1 is ${(median(base) / 1000).toFixed(0)} ms.`,
    rows: contenders.map(({ name, role }) => ({ name, role, values: over(samples.get(name), base) }))
  }]
}

await runAlone(import.meta, bench)
