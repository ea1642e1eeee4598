import { test } from 'tap'
import type { AttemptParts, AttemptResult, AttemptSession } from '../../../../lib/client/fetch/attempt.ts'
import { attempt } from '../../../../lib/client/fetch/attempt.ts'
import type { Classification } from '../../../../lib/client/fetch/classify.ts'
import { SessionError } from '../../../../lib/errors/client-errors.ts'
import type { TokenSet } from '../../../../lib/stores/tokens/token-store.ts'

const ok: Classification = { kind: 'ok' }
const invalidToken: Classification = { kind: 'invalid_token' }
const insufficientScope: Classification = { kind: 'insufficient_scope', scopes: ['write'] }
const withoutToken: Classification = { kind: 'authorization_needed', scopes: null }

interface Settings {
  /** The classification of each response, in order; the last one is that of all further responses. */
  readonly responses: readonly Classification[]
  readonly limit?: number
  readonly repeats?: number
  readonly comesFirst?: boolean
  readonly forLaterRequests?: boolean
  readonly isRepeatable?: boolean
  readonly signedIn?: boolean
  readonly anonymous?: boolean
  readonly refresh?: () => void
  /** Called when the session is asked for a token. */
  readonly onToken?: () => void
  readonly discarded?: number[]
}

interface Outcome {
  readonly result: AttemptResult<number>
  /** The token of each request. */
  readonly sent: Array<string | null>
  readonly discarded: number[]
  /** What each authorization was for, and the response that needed it. */
  readonly authorizations: unknown[]
  readonly refreshes: number
}

/** Sends one request, whose responses are numbered. */
async function send (settings: Settings): Promise<Outcome> {
  const { responses, limit = 1, repeats = 3, comesFirst = false, forLaterRequests = false, isRepeatable = true, signedIn = true, anonymous = false, refresh, onToken, discarded = [] } = settings
  let refreshes = 0
  let serial = signedIn ? 1 : 0
  const current = (): TokenSet => ({ accessToken: `t${serial}`, tokenType: 'DPoP', refreshToken: null, expiresAt: null, scopes: null })
  const session: AttemptSession = {
    refreshes: 0,
    async token () {
      onToken?.()
      if (serial === 0) throw new SessionError('FST_OAUTH_SESSION_NOT_SIGNED_IN')
      return current()
    },
    async refresh () {
      refreshes++
      refresh?.()
      serial++
      return current()
    },
    refuse: () => null
  }
  const sent: Outcome['sent'] = []
  const authorizations: unknown[] = []
  const parts: AttemptParts<number> = {
    session,
    canProve: true,
    signal: null,
    anonymous,
    repeats,
    authorization: {
      limit,
      forLaterRequests,
      count: () => authorizations.length,
      comesFirst: () => comesFirst,
      async run (need, classified) {
        authorizations.push([need, classified?.answer ?? null])
        serial++
        return true
      }
    },
    async send (tokens) { return sent.push(tokens?.accessToken ?? null) - 1 },
    classify: answer => ({ answer, classification: responses[Math.min(answer, responses.length - 1)]! }),
    mayRepeat: () => isRepeatable,
    discard (answer) { discarded.push(answer) }
  }
  return { result: await attempt(parts), sent, discarded, authorizations, refreshes }
}

test('an authorization before the request is one of those that the request may cause', async t => {
  const { result, sent, authorizations } = await send({ responses: [insufficientScope], signedIn: false, comesFirst: true })
  t.same(authorizations, [[withoutToken, null]])
  t.same(sent, ['t1'])
  t.equal(result.classification, insufficientScope)
  t.same((await send({ responses: [insufficientScope, ok], signedIn: false, comesFirst: true, limit: 2 })).sent, ['t1', 't2'])
})

test('a request causes as many authorizations as its limit allows', async t => {
  for (const limit of [0, 1, 2]) {
    const { sent, authorizations } = await send({ responses: [insufficientScope], limit })
    t.equal(authorizations.length, limit)
    t.equal(sent.length, limit + 1)
  }
})

test('a request that may not be sent again causes no authorization', async t => {
  for (const repeats of [0, 1, 2]) {
    const { sent, authorizations, discarded } = await send({ responses: [insufficientScope], limit: 9, repeats })
    t.equal(authorizations.length, repeats)
    t.equal(sent.length, repeats + 1)
    t.same(discarded, [0, 1].slice(0, repeats), 'the last response is returned')
  }
  const refreshed = await send({ responses: [invalidToken, insufficientScope], repeats: 1 })
  t.same([refreshed.refreshes, refreshed.authorizations], [1, []])
  t.equal(refreshed.result.first, 0)
})

test('a request with a body that is sent once causes an authorization only if more than a token is missing', async t => {
  const once = { isRepeatable: false, forLaterRequests: true }
  t.same((await send({ ...once, responses: [insufficientScope] })).authorizations, [[insufficientScope, 0]])
  t.same((await send({ ...once, responses: [insufficientScope], forLaterRequests: false })).authorizations, [])
  t.same((await send({ ...once, responses: [withoutToken], signedIn: false, anonymous: true })).authorizations, [])
})

test('the result of a request names the step that failed', async t => {
  const error = new Error('no network')
  const { result, sent } = await send({ responses: [invalidToken], refresh () { throw error } })
  t.same(result.failure, { step: 'refresh', error })
  t.same(sent, ['t1'])
})

test('RFC 9449 9: the response with a nonce is discarded before the request is sent again, once', async t => {
  const { discarded, result } = await send({ responses: [{ kind: 'use_dpop_nonce', nonce: 'n' }] })
  t.same(discarded, [0])
  t.same([result.answer, result.first], [1, null])
})

test('a response is discarded if the session has no token after an authorization', async t => {
  const discarded: number[] = []
  let asked = 0
  const error = new Error('signed out')
  await t.rejects(send({ responses: [insufficientScope], discarded, onToken () { if (asked++ > 0) throw error } }), error)
  t.same(discarded, [0])
})
