import { test } from 'tap'
import { createFetch } from '../../../../lib/client/fetch/create-fetch.ts'
import type { ClientFetchOptions } from '../../../../lib/client/fetch/fetch-options.ts'
import { resolveClientFetchOptions } from '../../../../lib/client/fetch/fetch-options.ts'
import { SessionError } from '../../../../lib/errors/client-errors.ts'
import { OptionError } from '../../../../lib/errors/errors.ts'

const resource = 'https://api.example/v1'
const session: ClientFetchOptions['session'] = {
  refreshes: 0,
  token: async () => ({ accessToken: 'a', tokenType: 'Bearer', refreshToken: null, expiresAt: null, scopes: null }),
  refresh: async () => { throw new Error('refreshed') },
  refuse: () => null
}
const proof = { async proofFor () { return '' }, sawNonce () {} }

test('options that are refused', t => {
  const classifiers = [{ invalidTokenCodes: [''] }, { invalidTokenCodes: [1.5] }, { refusalCodes: [''] }, { sentences: [''] }, { sentences: [1] }].map(classifier => ({ classifier }))
  const proofs = (['proofFor', 'sawNonce'] as const).map(name => ({ proof: { ...proof, [name]: undefined } }))
  for (const wrong of [...classifiers, ...proofs, { resource: 1 }, { resource: [1] }, { session: undefined }, { anonymous: 'yes' }]) {
    t.throws(() => resolveClientFetchOptions({ session, resource, ...wrong } as never), OptionError, JSON.stringify(wrong))
  }
  t.throws(() => resolveClientFetchOptions({ session, resource, errors: 'x' as never }), { message: /^errors / }, 'the error begins with the name of the option')
  t.end()
})

test('options that are taken, and the defaults', t => {
  const { covers, limits, ...defaults } = resolveClientFetchOptions({ session, resource })
  t.strictSame(defaults, { session, fetch: globalThis.fetch, errors: 'return', anonymous: false, readsText: false, replayBytes: 1_048_576 })
  t.match(limits, { maxBytes: 65_536, timeoutMs: 5000 })
  const classifier = { invalidTokenCodes: ['gone', -32001], refusalCodes: ['no', 7], sentences: ['Session ended'] }
  const given = { proof, classifier, errors: 'throw', anonymous: true, replayBytes: 0 } as const
  t.match(resolveClientFetchOptions({ session, resource, ...given }), { ...given, readsText: true })
  t.equal(resolveClientFetchOptions({ session, resource, classifier }).readsText, true)
  t.equal(resolveClientFetchOptions({ session, resource, classifier: { sentences: [] } }).readsText, false)
  t.end()
})

test('by default, the time limit for reading a body leaves no timer behind', async t => {
  const timers = (): number => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
  const before = timers()
  const fetch = createFetch({ session, resource, fetch: async () => Response.json({}) })
  await fetch(resource, { method: 'POST' })
  t.equal(timers(), before)
})

test('only true means that onAuthorizationNeeded signed in', async t => {
  let sent = 0
  const fetch = createFetch({
    session,
    resource,
    async fetch () {
      sent++
      return new Response(null, { status: 403, headers: { 'www-authenticate': 'Bearer error="insufficient_scope"' } })
    },
    onAuthorizationNeeded: (() => 'done') as never
  })
  t.equal((await fetch(resource)).status, 403)
  t.equal(sent, 1)
})

test('onAuthorizationNeeded is not called before there is a response', async t => {
  const fetch = createFetch({
    session: { ...session, async token () { throw new SessionError('FST_OAUTH_SESSION_NOT_SIGNED_IN') } },
    resource,
    fetch: async () => new Response(),
    onAuthorizationNeeded () { throw new Error('called') }
  })
  await t.rejects(fetch(resource), { code: 'FST_OAUTH_SESSION_NOT_SIGNED_IN' })
})

test('an authorization that one request did not get is no reason to send another one again', async t => {
  const answers: Array<() => void> = []
  let needs = 0
  const fetch = createFetch({
    session,
    resource,
    async fetch () {
      await new Promise<void>(resolve => { answers.push(resolve) })
      return new Response(null, { status: 403, headers: { 'www-authenticate': 'Bearer error="insufficient_scope"' } })
    },
    onAuthorizationNeeded () {
      needs++
      return false
    }
  })
  const requests = [fetch(resource), fetch(resource)]
  await new Promise(resolve => { setImmediate(resolve) })
  for (const [index, request] of requests.entries()) {
    answers[index]!()
    t.equal((await request).status, 403)
  }
  t.equal(needs, 2)
  t.equal(answers.length, 2)
})
