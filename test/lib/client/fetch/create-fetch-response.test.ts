import { test } from 'tap'
import { createFetch, createFetchWith } from '../../../../lib/client/fetch/create-fetch.ts'
import type { ClientFetchOptions, RequestAuthorization } from '../../../../lib/client/fetch/fetch-options.ts'
import { resolveClientFetchOptions } from '../../../../lib/client/fetch/fetch-options.ts'
import { SessionError } from '../../../../lib/errors/client-errors.ts'
import type { TokenSet } from '../../../../lib/stores/tokens/token-store.ts'

const resource = 'https://api.example/v1'
const url = `${resource}/x`
const tokens: TokenSet = { accessToken: 'secret', tokenType: 'Bearer', refreshToken: null, expiresAt: null, scopes: null }
const session: ClientFetchOptions['session'] = {
  refreshes: 0, token: async () => tokens, refresh: async () => { throw new Error('refreshed') }, refuse: () => null
}

const authorization: RequestAuthorization = {
  limit: 1, repeats: 1, forLaterRequests: true, throws: true, count: () => 0, comesFirst: () => false, run: async () => false, onResult () {}
}

/** Whether the body of a response is read before it is returned. */
async function readsBody (response: ResponseInit, request: RequestInit, options: Partial<ClientFetchOptions> = {}): Promise<boolean> {
  let pulls = 0
  const body = new ReadableStream({
    pull (controller) {
      pulls++
      controller.close()
    }
  }, { highWaterMark: 0 })
  await createFetch({ session, resource, fetch: async () => new Response(body, response), ...options })(url, { redirect: 'manual', ...request })
  return pulls > 0
}

test('of the successful responses, only JSON that answers a POST is read before it is returned', async t => {
  const headers = { 'content-type': 'application/json' }
  for (const status of [200, 299]) t.equal(await readsBody({ status, headers }, { method: 'POST' }), true, String(status))
  for (const status of [300, 302]) t.equal(await readsBody({ status, headers }, { method: 'POST' }), false, String(status))
  t.equal(await readsBody({ status: 200, headers }, { method: 'GET' }), false)
  t.equal(await readsBody({ status: 200, headers: { 'content-type': 'text/plain' } }, { method: 'POST' }, { classifier: { sentences: ['Session ended'] } }), false)
})

test('a body whose Content-Length exceeds the limit is not read, one as long as the limit is', async t => {
  for (const [length, isRead] of [['10', true], ['11', false]] as const) {
    t.equal(await readsBody({ status: 403, headers: { 'content-type': 'application/json', 'content-length': length } }, {}, { inspectBytes: 10 }), isRead, length)
  }
})

test('a response with the media type of JSON may have no body', async t => {
  for (const status of [200, 403]) {
    const fetch = createFetch({ session, resource, fetch: async () => new Response(null, { status, headers: { 'content-type': 'application/json' } }) })
    t.equal((await fetch(url, { method: 'POST' })).status, status)
  }
})

test('of a response whose challenge decides, the body is read only for the error that is thrown', async t => {
  const answer: ResponseInit = { status: 403, headers: { 'content-type': 'application/json', 'www-authenticate': 'Bearer error="insufficient_scope"' } }
  t.equal(await readsBody(answer, {}), false)
  const throwing = createFetch({ session, resource, errors: 'throw', fetch: async () => Response.json({ code: 'x' }, answer) })
  await t.rejects(throwing(url), { name: 'AnswerError', kind: 'insufficient_scope', body: { code: 'x' } })
})

test('the body of a response is cancelled when an error is thrown in its place', async t => {
  let cancelled = 0
  const answer = (status: number, headers: Record<string, string>) => async () => new Response(new ReadableStream({ cancel () { cancelled++ } }), { status, headers })
  await t.rejects(createFetch({ session, resource, errors: 'throw', fetch: answer(404, { 'content-type': 'image/png' }) })(url), { name: 'AnswerError', status: 404 })
  t.equal(cancelled, 1)

  const declined = new Error('the user declined')
  const settings = resolveClientFetchOptions({ session, resource, fetch: answer(403, { 'www-authenticate': 'Bearer error="insufficient_scope"' }) })
  await t.rejects(createFetchWith({ ...settings, authorization: { ...authorization, async run () { throw declined } } })(url), declined)
  t.equal(cancelled, 2)
})

test('a relative URL is left to the fetch that makes the requests', async t => {
  const asked: unknown[] = []
  const fetch = createFetch({
    session,
    resource,
    async fetch (...args) {
      asked.push(args)
      return new Response()
    }
  })
  const init = { method: 'POST' }
  await fetch('/relative', init)
  t.strictSame(asked, [['/relative', init]])
})

test('an authorization before a request knows whether the request can be sent again', async t => {
  const known: unknown[] = []
  const settings = resolveClientFetchOptions({
    session: { ...session, async token () { throw new SessionError('FST_OAUTH_SESSION_NOT_SIGNED_IN') } }, resource, anonymous: true, fetch: async () => new Response()
  })
  const fetch = createFetchWith({
    ...settings,
    authorization: {
      ...authorization,
      comesFirst: () => true,
      async run (_need, { response, isRepeatable }) {
        known.push([response, isRepeatable])
        return false
      }
    }
  })
  await fetch(url, { method: 'POST', body: 'text' })
  await fetch(url, { method: 'POST', body: new Blob(['stream']).stream() })
  t.strictSame(known, [[null, true], [null, false]])
})

test('the outcome of each request is reported to the authorization, with whether its refresh failed', async t => {
  const outcomes: unknown[] = []
  const responses = [new Response(), new Response(null, { status: 401 })]
  const fetch = createFetchWith({
    ...resolveClientFetchOptions({ session, resource, fetch: async () => responses.shift()! }),
    authorization: { ...authorization, onResult ({ kind }, hasFailed) { outcomes.push([kind, hasFailed]) } }
  })
  await fetch(url)
  await fetch(url)
  t.strictSame(outcomes, [['ok', false], ['invalid_token', true]])
})
