import { test } from 'tap'
import { resolveLiveScopes } from '../../../lib/config/live-scopes.ts'

test('defaults and what is given, in the unit of its name', t => {
  const source = async (): Promise<string[]> => []
  t.equal(resolveLiveScopes({}, 5000, false), null)
  t.strictSame(resolveLiveScopes({ liveScopes: { source } }, 5000, false), { source, maxAgeMs: 300_000, timeoutMs: 1000, retryAfterMs: 5000 })
  t.strictSame(resolveLiveScopes({ liveScopes: { source, maxAgeSeconds: 2, timeoutMs: 3 } }, 4, false), { source, maxAgeMs: 2000, timeoutMs: 3, retryAfterMs: 4 })
  t.throws(() => resolveLiveScopes({ liveScopes: { source } }, 5000, true), { name: 'OptionError', message: /^metadata\.signed_metadata and liveScopes contradict each other/ })
  t.end()
})
