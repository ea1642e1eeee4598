import { test } from 'tap'
import { refreshWithRetries } from '../../../../lib/client/session/refresh-retries.ts'
import { createSessionFixture, failureOf } from '../../../support/client-session.ts'

const never = new AbortController().signal

test('a token request that is aborted is no failure: the reason of the signal is thrown, and no retry is announced', async t => {
  for (const attempts of [1, 3]) {
    const { server, time } = createSessionFixture()
    const reason = new Error('signed out')
    const caller = new AbortController()
    server.next.push(() => { caller.abort(reason) })
    const settings = { attempts, timeoutMs: 10_000, backOffMs: 500, isOnline: () => true, random: () => 0.5, wait: time.wait }
    let retries = 0
    const refreshed = refreshWithRetries(server.refresh, server.grant(), settings, caller.signal, never, () => { retries++ })
    t.equal(await failureOf(refreshed), reason)
    t.equal(retries, 0)
  }
})
