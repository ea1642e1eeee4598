import { test } from 'tap'
import type { OAuthResourceError } from '../../../lib/errors/errors.ts'
import { UnavailableError } from '../../../lib/errors/errors.ts'
import type { RefreshSettings } from '../../../lib/http/refreshing-value.ts'
import { createRefreshingValue } from '../../../lib/http/refreshing-value.ts'
import { findIssuerMetadata } from '../../../lib/metadata/issuer-metadata.ts'
import type { IssuerKeys, IssuerKeysSource } from '../../../lib/token/issuer-keys.ts'
import { createIssuerKeys } from '../../../lib/token/issuer-keys.ts'
import { parseJwt } from '../../../lib/token/jwt.ts'
import { createTestClock } from '../../support/clock.ts'
import type { TestClock } from '../../support/clock.ts'
import type { FakeIssuer } from '../../support/issuer.ts'
import { createFakeIssuer, never } from '../../support/issuer.ts'
import { reasonOf, reasonOfAsync } from '../../support/reason.ts'

const refresh: RefreshSettings = {
  minAgeMs: 60_000, maxAgeMs: 86_400_000, defaultAgeMs: 600_000, coolDownMs: 30_000, retryAfterMs: 5000, maxStaleMs: 3_600_000
}

/** What is renewed behind a value that was served is there then. */
async function settled (): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise(setImmediate)
}

interface Parts {
  readonly clock: TestClock
  readonly fake: FakeIssuer
  readonly keys: IssuerKeys
}

async function setup (changes: (fake: FakeIssuer) => Partial<IssuerKeysSource> = () => ({})): Promise<Parts> {
  const clock = createTestClock()
  const fake = await createFakeIssuer({ clock })
  const limits = { timeoutMs: 5000, maxBytes: 10_000 }
  const metadata = createRefreshingValue(
    () => findIssuerMetadata(fake.issuer, { keys: true, introspection: 'none' }, fake.fetch, limits), { ...refresh, defaultAgeMs: 3_600_000 }, clock)
  const keys = createIssuerKeys({
    owner: fake.issuer, option: 'authorizationServers[0].jwksUri', jwksUri: null, jwks: null, metadata, fetch: fake.fetch, limits, refresh, clock, ...changes(fake)
  })
  return { clock, fake, keys }
}

/** `null` for a token whose signature is good, else the reason why not. */
async function check ({ keys, fake }: Parts, token?: string): Promise<string | null> {
  const jwt = parseJwt(token ?? await fake.token())
  return await reasonOfAsync(async () => await keys.verifySignature(jwt))
}

/** What a token is refused with. */
async function refusal ({ keys, fake }: Parts, token?: string): Promise<OAuthResourceError> {
  const jwt = parseJwt(token ?? await fake.token())
  try {
    await keys.verifySignature(jwt)
  } catch (error) {
    return error as OAuthResourceError
  }
  throw new Error('not refused')
}

test('the keys are found by way of the metadata, and found once', async t => {
  const parts = await setup()
  const { fake, keys } = parts
  t.strictSame(fake.requests, [])
  const basis = await keys.verifySignature(parseJwt(await fake.token()))
  t.equal(basis.isCurrent(), true)
  t.equal(await check(parts), null)
  t.strictSame(fake.requests, [fake.metadataUrl, fake.jwksUri])
})

test('with a jwksUri nothing else is asked for, and with keys nothing at all', async t => {
  const byUri = await setup(fake => ({ jwksUri: fake.jwksUri }))
  t.equal(await check(byUri), null)
  await byUri.fake.rotate()
  t.equal(await check(byUri), null)
  t.strictSame(byUri.fake.requests, [byUri.fake.jwksUri, byUri.fake.jwksUri])

  const byKeys = await setup(fake => ({ jwks: { keys: fake.keys.map(key => key.publicJwk) } }))
  t.equal(await check(byKeys), null)
  await byKeys.fake.rotate()
  t.equal(await check(byKeys), 'key_unknown')
  t.strictSame(byKeys.fake.requests, [])
})

test('keys that did not change stay the ones they were', async t => {
  const parts = await setup()
  const { clock, fake, keys } = parts
  const basis = await keys.verifySignature(parseJwt(await fake.token()))
  clock.advance(600)
  t.equal(await keys.verifySignature(parseJwt(await fake.token())), basis)
  t.equal(basis.isCurrent(), true)
  await settled()
  t.equal(fake.requests.length, 3, 'renewed behind')
  await fake.rotate({ keepOld: true })
  t.not(await keys.verifySignature(parseJwt(await fake.token())), basis)
  t.equal(basis.isCurrent(), false, 'and what rested on those before has to be looked at again')
})

test('what is wrong with a token', async t => {
  const parts = await setup()
  const other = await createFakeIssuer()
  t.equal(await check(parts, await other.token()), 'signature_invalid')
  parts.clock.advance(30)
  t.equal(await check(parts, await parts.fake.token({}, { kid: 'unknown' })), 'key_unknown')
  t.equal(await check(parts, await parts.fake.token({}, { kid: undefined })), null)
})

test('what could not be found out', async t => {
  const cases: Array<[title: string, breakIt: (fake: FakeIssuer) => void, cause: object]> = [
    ['metadata missing', fake => fake.answer(fake.metadataUrl, () => new Response('', { status: 404 })), { name: 'IssuerMetadataError' }],
    ['keys missing', fake => fake.answer(fake.jwksUri, () => new Response('', { status: 404 })), { fault: 'status', status: 404 }],
    ['keys that are no keys', fake => fake.answer(fake.jwksUri, () => Response.json({ keys: {} })),
      { fault: 'not_json', status: 200, cause: { message: 'not a JWK Set: it has no list of keys' } }]
  ]
  for (const [title, breakIt, cause] of cases) {
    const parts = await setup()
    breakIt(parts.fake)
    try {
      await parts.keys.verifySignature(parseJwt(await parts.fake.token()))
      t.fail(title)
    } catch (error) {
      t.ok(error instanceof UnavailableError, title)
      t.match(error, { reason: 'keys_unavailable', retryAfterSeconds: 5 }, title)
      t.match((error as Error).cause, cause, 'with its cause for the log')
      t.notOk(Object.hasOwn((error as UnavailableError).detail!, 'fix'), 'and no advice about redirects')
    }
  }
})

test('when to come back is never at once', async t => {
  for (const [retryAfterMs, retryAfterSeconds] of [[0, 1], [1, 1], [1000, 1], [1001, 2], [60_000, 60]] as const) {
    const { fake, keys } = await setup(() => ({ refresh: { ...refresh, retryAfterMs } }))
    fake.answer(fake.metadataUrl, () => { throw new Error('down') })
    const token = await fake.token()
    await t.rejects(async () => await keys.verifySignature(parseJwt(token)), { retryAfterSeconds } as Partial<UnavailableError> & Error)
  }
})

test('keys that moved', async t => {
  const movedTo = 'https://keys.example.com/jwks'
  const gone = (): Response => new Response('', { status: 410 })

  await t.test('are found when they are gone from where they were', async t => {
    const parts = await setup()
    const { clock, fake } = parts
    t.equal(await check(parts), null)
    fake.answer(fake.jwksUri, gone)
    fake.answer(movedTo, () => Response.json({ keys: fake.keys.map(key => key.publicJwk) }))
    fake.answer(fake.metadataUrl, () => Response.json({ issuer: fake.issuer, jwks_uri: movedTo }))
    await fake.rotate()
    t.equal(await check(parts), null, 'by an unknown key id')
    t.strictSame(fake.requests.slice(2), [fake.jwksUri, fake.metadataUrl, movedTo])
    clock.advance(600)
    t.equal(await check(parts), null)
    await settled()
    t.strictSame(fake.requests.slice(5), [movedTo])
  })

  await t.test('are found when the metadata is due, at the latest', async t => {
    const parts = await setup()
    const { clock, fake } = parts
    t.equal(await check(parts), null)
    fake.answer(fake.jwksUri, () => Response.json({ keys: [] }))
    fake.answer(movedTo, () => Response.json({ keys: fake.keys.map(key => key.publicJwk) }))
    fake.answer(fake.metadataUrl, () => Response.json({ issuer: fake.issuer, jwks_uri: movedTo }))
    clock.advance(3600)
    t.equal(await check(parts), null)
    await settled()
    t.strictSame(fake.requests.slice(2), [fake.metadataUrl, fake.jwksUri], 'the metadata is due, and served while it is renewed')
    t.equal(await check(parts), null)
    t.strictSame(fake.requests.slice(4), [movedTo])
  })

  await t.test('to nowhere leave the last good ones', async t => {
    const parts = await setup()
    const { clock, fake } = parts
    t.equal(await check(parts), null)
    fake.answer(fake.jwksUri, gone)
    clock.advance(600)
    t.equal(await check(parts), null)
    await settled()
    t.strictSame(fake.requests.slice(2), [fake.jwksUri, fake.metadataUrl], 'and the same place is not asked twice')
    clock.advance(5)
    t.match(await refusal(parts, await fake.token({}, { kid: 'new' })), { reason: 'keys_unavailable', cause: { fault: 'status', status: 410 } })
    t.strictSame(fake.requests.slice(4), [fake.jwksUri], 'nor the metadata, which came a moment ago')
    fake.answer(fake.metadataUrl, gone)
    clock.advance(5)
    t.equal(await check(parts), null)
    t.equal(await check(parts, await fake.token({}, { kid: 'new' })), 'keys_unavailable')
  })
})

test('keys that do not come in time are not looked for elsewhere: their issuer has not moved them (C2)', async t => {
  const parts = await setup(() => ({ limits: { timeoutMs: 100, maxBytes: 10_000 } }))
  const { fake } = parts
  fake.answer(fake.jwksUri, never)
  t.match(await refusal(parts), { reason: 'keys_unavailable', cause: { fault: 'timeout' } })
  t.strictSame(fake.requests, [fake.metadataUrl, fake.jwksUri])
})

test('metadata that is asked where keys have moved to has what is left of the time (C2)', async t => {
  const timeoutMs = 100
  const metadata = createRefreshingValue(async () => ({
    value: { issuer: 'https://login.example.com', jwksUri: 'https://login.example.com/jwks', introspectionEndpoint: null }, maxAgeSeconds: null
  }), refresh, createTestClock())
  const parts = await setup(() => ({
    limits: { timeoutMs, maxBytes: 10_000 }, metadata: { ...metadata, reloadUnlessChanged: () => new Promise<never>(() => {}) }
  }))
  parts.fake.answer(parts.fake.jwksUri, () => new Response('', { status: 410 }))
  const { cause } = await refusal(parts)
  t.match(cause, { name: 'TimeLimitError' })
  t.ok(Number(/[\d.]+/.exec((cause as Error).message)?.[0]) <= timeoutMs, (cause as Error).message)
})

test('a known key verifies without a promise', async t => {
  const parts = await setup(fake => ({ jwks: { keys: fake.keys.map(key => key.publicJwk) } }))
  t.notOk('then' in parts.keys.verifySignature(parseJwt(await parts.fake.token())))
})

test('a wrong signature for which no keys are requested is refused without a promise', async t => {
  const parts = await setup()
  const { fake, keys } = parts
  const forged = await (await createFakeIssuer()).token()
  t.equal(await check(parts, forged), 'signature_invalid')
  t.equal(fake.requests.length, 3, 'once they are')
  t.equal(reasonOf(() => keys.verifySignature(parseJwt(forged))), 'signature_invalid')
  t.equal(fake.requests.length, 3)
})

test('RFC 7515 4.1.4: without a kid, and with a kid that two keys share, each key that fits is tried (B7)', async t => {
  for (const alg of ['ES256', 'EdDSA']) {
    const parts = await setup()
    const { fake } = parts
    const first = await fake.rotate({ kid: 'same', alg })
    const second = await fake.rotate({ kid: 'same', alg, keepOld: true })
    for (const key of [first, second]) {
      t.equal(await check(parts, await fake.token({}, {}, key)), null)
      t.equal(await check(parts, await fake.token({}, { kid: undefined }, key)), null)
    }
    fake.keys.push(first)
    parts.clock.advance(600)
    t.equal(await check(parts, await fake.token({}, {}, first)), null, 'a key that is listed twice')
  }
})

test('a new key under an old kid is found by the signature that is wrong (E2)', async t => {
  const parts = await setup()
  t.equal(await check(parts), null)
  await parts.fake.rotate({ kid: 'key-1' })
  t.equal(await check(parts), null)
  t.equal(parts.fake.requests.length, 3)
})

test('wrong signatures cause one look-up in a cool-down, and none is refused for good before it is known (E2)', async t => {
  const parts = await setup()
  const { clock, fake } = parts
  const forger = await createFakeIssuer({ clock })
  t.equal(await check(parts), null)
  clock.advance(60)
  const forged = await forger.token()
  t.equal(await check(parts, forged), 'signature_invalid')
  t.equal(fake.requests.length, 3)
  for (let i = 0; i < 5; i++) t.equal(await check(parts, forged), 'signature_invalid', 'the same token was decided')
  t.equal(await check(parts, await forger.token()), 'signature_invalid', 'a key is published before tokens are signed with it')
  t.equal(await check(parts, await forger.token({ iat: undefined })), 'keys_unavailable')
  clock.advance(1)
  t.equal(await check(parts, await forger.token()), 'keys_unavailable', 'the key may have changed since')
  t.equal(fake.requests.length, 3)

  await fake.rotate({ kid: 'key-1' })
  clock.advance(1)
  t.equal(await check(parts), 'keys_unavailable', 'and so it has')
  clock.advance(28)
  t.equal(await check(parts), null)
  t.equal(fake.requests.length, 4)
})

test('a token that was refused is refused again in the cool-down, and not undecided, whatever it says of its time (E2)', async t => {
  const parts = await setup()
  const { clock, fake } = parts
  const forger = await createFakeIssuer({ clock })
  t.equal(await check(parts), null)
  const cases: Array<[reason: string, token: string]> = []
  for (const iat of [undefined, clock.now() / 1000 + 90]) {
    cases.push(['signature_invalid', await forger.token({ iat })], ['key_unknown', await forger.token({ iat }, { kid: 'unknown' })])
  }
  for (const [reason, token] of cases) {
    clock.advance(30)
    t.equal(await check(parts, token), reason)
    const { length } = fake.requests
    t.equal(await check(parts, token), reason, 'again')
    t.equal(fake.requests.length, length, 'without another look-up')
  }
})

test('a time of issue that is no number decides nothing (E2)', async t => {
  const parts = await setup()
  t.equal(await check(parts), null)
  t.equal(await check(parts, await parts.fake.token({}, { kid: 'made up' })), 'key_unknown')
  for (const iat of [null, '1', false, [], [1]]) t.equal(await check(parts, await parts.fake.token({ iat }, { kid: 'new' })), 'keys_unavailable', JSON.stringify(iat))
})

test('keys that have changed verify their own tokens, and no forged one (E2)', async t => {
  for (const alg of ['ES256', 'EdDSA']) {
    const parts = await setup()
    const { fake } = parts
    await fake.rotate({ kid: 'old', alg })
    t.equal(await check(parts), null)
    await fake.rotate({ kid: 'new', alg })
    const forger = await createFakeIssuer({ alg, clock: parts.clock })
    t.equal(await check(parts, await forger.token({}, { kid: 'new' })), 'signature_invalid', alg)
  }
  const parts = await setup()
  t.equal(await check(parts), null)
  await parts.fake.rotate()
  t.equal(await check(parts, await parts.fake.token({}, { kid: 'made up' })), 'key_unknown', 'nor one of an unknown kid')
})

test('a kid that stayed when another was removed may get a key of another algorithm (E2)', async t => {
  const parts = await setup()
  const { fake } = parts
  const removed = await fake.rotate({ kid: 'removed', keepOld: true })
  t.equal(await check(parts), null)
  fake.keys.pop()
  t.equal(await check(parts, await fake.token({}, { kid: 'made up' })), 'key_unknown')
  const rsa = await fake.rotate({ kid: 'key-1', alg: 'RS256' })
  t.equal(await check(parts, await fake.token({}, {}, rsa)), 'keys_unavailable', 'in the cool-down')
  t.equal(await check(parts, await fake.token({}, {}, removed)), 'key_unknown')
})

test('a rotation in the first seconds after a made-up kid makes no good token invalid (E2)', async t => {
  const parts = await setup()
  const { clock, fake } = parts
  t.equal(await check(parts), null)
  t.equal(await check(parts, await fake.token({}, { kid: 'made up' })), 'key_unknown')
  const [old] = fake.keys
  await fake.rotate()
  t.equal(await check(parts), 'keys_unavailable', 'in the very second')
  clock.advance(3)
  t.equal(await check(parts), 'keys_unavailable')
  t.equal(await check(parts, await fake.token({ iat: clock.now() / 1000 - 9 }, { kid: 'another' })), 'key_unknown', 'issued long before the look-up')
  clock.advance(27)
  t.equal(await check(parts), null)
  t.equal(await check(parts, await fake.token({}, {}, old!)), 'key_unknown', 'a key that was removed is not unknown')
})

test('a wrong signature while the keys cannot be had is undecided, unless it was decided (E2)', async t => {
  const parts = await setup()
  const { clock, fake } = parts
  const forger = await createFakeIssuer({ clock })
  const before = await forger.token({ iat: clock.now() / 1000 - 60 })
  t.equal(await check(parts), null)
  fake.answer(fake.jwksUri, () => new Response('', { status: 500 }))
  clock.advance(1)
  t.match(await refusal(parts, await forger.token()), {
    reason: 'keys_unavailable', cause: { fault: 'status', status: 500 }, detail: { received: `${fake.jwksUri}: status (500)` }
  })
  t.equal(await check(parts, before), 'signature_invalid')
  t.equal(await check(parts), null, 'good tokens are verified meanwhile')
})

test('while the issuer hangs, known keys verify at once, and a look-up has one deadline (C2)', async t => {
  const limits = { timeoutMs: 300, maxBytes: 10_000 }
  const parts = await setup(() => ({ limits }))
  const { clock, fake } = parts
  // Made before the time of the look-up runs.
  const tokens = await Promise.all(Array.from({ length: 20 }, async () => await fake.token()))
  const unknown = await fake.token({}, { kid: 'new' })
  t.equal(await check(parts), null)
  for (const url of [fake.metadataUrl, fake.jwksUri]) fake.answer(url, never)
  clock.advance(4000)
  let longest = 0
  for (const token of tokens) {
    const jwt = parseJwt(token)
    // One turn verifies few signatures at once and leaves the others to the thread pool.
    await new Promise(setImmediate)
    const start = performance.now()
    const answer = parts.keys.verifySignature(jwt)
    longest = Math.max(longest, performance.now() - start)
    t.notOk('then' in answer, 'with a known key there is nothing to wait for')
    clock.advance(1)
  }
  t.comment(`the longest wait of a request with a known key: ${longest.toFixed(1)} ms`)
  t.ok(longest < 50)
  t.strictSame(fake.requests.slice(2), [fake.metadataUrl, fake.jwksUri], 'one look-up of each')
  const start = performance.now()
  t.equal(await check(parts, unknown), 'keys_unavailable')
  t.ok(performance.now() - start < 2 * limits.timeoutMs, 'no second look-up is made after a timeout')
  t.equal(fake.requests.length, 4)

  const cold = await setup(() => ({ limits }))
  for (const url of [cold.fake.metadataUrl, cold.fake.jwksUri]) cold.fake.answer(url, never)
  const first = performance.now()
  t.equal(await check(cold), 'keys_unavailable')
  t.ok(performance.now() - first < 2 * limits.timeoutMs, 'all places of a look-up share its time')
})

test('the log is told what an issuer\'s keys lack (A1, A3, A4)', async t => {
  const skipped: unknown[] = []
  const parts = await setup(fake => ({ jwksUri: fake.jwksUri, onSkippedKeys: keys => skipped.push(keys) }))
  const { clock, fake } = parts
  const certificate = { kty: 'RSA', kid: 'certificate-1', x5c: ['MIIB'] }
  fake.answer(fake.jwksUri, () => Response.json({ keys: [certificate, ...fake.keys.map(key => key.publicJwk)] }))
  t.equal(await check(parts), null)
  t.strictSame(skipped, [[{ keyId: '"certificate-1"', reason: 'it has a certificate (x5c) and no n and e' }]])
  clock.advance(600)
  t.equal(await check(parts), null)
  await settled()
  t.equal(skipped.length, 1, 'once for each set of keys')

  const { reason, detail } = await refusal(parts, await fake.token({}, { kid: 'made up' }))
  t.equal(reason, 'key_unknown')
  t.equal(detail!.received, 'kid "made up" and alg "ES256"; the issuer has kid ["key-1"]', 'and not why a key of another kid cannot be used')
  t.match(await refusal(parts, await fake.token({ iat: undefined }, { kid: 'made up, too' })), {
    reason: 'keys_unavailable', detail: { received: /kid "made up, too".*may have changed since/ }
  })
  t.match(await refusal(parts, await fake.token({ iat: 1 }, { kid: 'certificate-1' })), {
    reason: 'key_unknown', detail: { received: /its key of this kid cannot be used: it has a certificate/ }
  })
  clock.advance(30)
  t.match(await refusal(parts, await (await createFakeIssuer({ clock })).token()), {
    reason: 'signature_invalid', detail: { received: /^another signature, under kid "key-1"/ }
  })

  const redirected = await setup(fake => ({ jwksUri: fake.jwksUri }))
  redirected.fake.answer(redirected.fake.jwksUri, () => new Response(null, { status: 302, headers: { location: 'https://cdn.example/keys' } }))
  t.match(await refusal(redirected), {
    detail: { received: /redirect \(302\) to https:\/\/cdn.example\/keys/, fix: 'redirects are not followed: set authorizationServers[0].jwksUri to https://cdn.example/keys' }
  })
})

test('keys that cannot be used are skipped where nobody wants to know', async t => {
  t.equal(await check(await setup(fake => ({ jwks: { keys: [7, ...fake.keys.map(key => key.publicJwk)] } }))), null)
})

test('keys that are configured, verified in the thread pool', async t => {
  const clock = createTestClock()
  const fake = await createFakeIssuer({ clock, alg: 'EdDSA' })
  const forger = await createFakeIssuer({ clock, alg: 'EdDSA' })
  const skipped: unknown[] = []
  const parts = await setup(() => ({ jwks: { keys: [7, ...fake.keys.map(key => key.publicJwk)] }, onSkippedKeys: keys => skipped.push(keys) }))
  t.equal(await check(parts, await fake.token()), null)
  t.equal(await check(parts, await forger.token()), 'signature_invalid')
  t.equal(skipped.length, 1)
})

test('a redirect that does not say where it leads (A3)', async t => {
  const parts = await setup(fake => ({ jwksUri: fake.jwksUri }))
  parts.fake.answer(parts.fake.jwksUri, () => new Response(null, { status: 302 }))
  t.match(await refusal(parts), {
    detail: { fix: 'redirects are not followed: set authorizationServers[0].jwksUri to where it leads' }
  })
})
