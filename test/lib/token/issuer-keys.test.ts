import { test } from 'tap'
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
import { createFakeIssuer } from '../../support/issuer.ts'
import { reasonOfAsync } from '../../support/reason.ts'

const refresh: RefreshSettings = {
  minAgeMs: 60_000, maxAgeMs: 86_400_000, defaultAgeMs: 600_000, coolDownMs: 30_000, retryAfterMs: 5000, maxStaleMs: 3_600_000
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
    jwksUri: null, jwks: null, metadata, fetch: fake.fetch, limits, refresh, clock, ...changes(fake)
  })
  return { clock, fake, keys }
}

/** `null` for a token whose signature is good, else the reason why not. */
async function check ({ keys, fake }: Parts, token?: string): Promise<string | null> {
  const jwt = parseJwt(token ?? await fake.token())
  return await reasonOfAsync(() => keys.verifySignature(jwt))
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
  t.equal(fake.requests.length, 3)
  t.equal(basis.isCurrent(), true)
  await fake.rotate({ keepOld: true })
  t.not(await keys.verifySignature(parseJwt(await fake.token())), basis)
  t.equal(basis.isCurrent(), false, 'and what rested on those before has to be looked at again')
})

test('what is wrong with a token', async t => {
  const parts = await setup()
  const other = await createFakeIssuer()
  t.equal(await check(parts, await other.token()), 'signature_invalid')
  t.equal(await check(parts, await parts.fake.token({}, { kid: 'unknown' })), 'key_unknown')
  t.equal(await check(parts, await parts.fake.token({}, { kid: undefined })), null)
})

test('what could not be found out', async t => {
  const cases: Record<string, (fake: FakeIssuer) => void> = {
    'metadata missing': fake => fake.answer(fake.metadataUrl, () => new Response('', { status: 404 })),
    'keys missing': fake => fake.answer(fake.jwksUri, () => new Response('', { status: 404 })),
    'keys that are no keys': fake => fake.answer(fake.jwksUri, () => Response.json({ keys: {} }))
  }
  for (const [title, breakIt] of Object.entries(cases)) {
    const parts = await setup()
    breakIt(parts.fake)
    try {
      await parts.keys.verifySignature(parseJwt(await parts.fake.token()))
      t.fail(title)
    } catch (error) {
      t.ok(error instanceof UnavailableError, title)
      t.match(error, { reason: 'keys_unavailable', retryAfterSeconds: 5 }, title)
      t.ok((error as Error).cause instanceof Error, 'with its cause for the log')
    }
  }
})

test('when to come back is never at once', async t => {
  for (const [retryAfterMs, retryAfterSeconds] of [[0, 1], [1, 1], [1000, 1], [1001, 2], [60_000, 60]] as const) {
    const { fake, keys } = await setup(() => ({ refresh: { ...refresh, retryAfterMs } }))
    fake.answer(fake.metadataUrl, () => { throw new Error('down') })
    await t.rejects(keys.verifySignature(parseJwt(await fake.token())), { retryAfterSeconds } as Partial<UnavailableError> & Error)
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
    t.strictSame(fake.requests.slice(2), [fake.metadataUrl, movedTo])
  })

  await t.test('to nowhere leave the last good ones', async t => {
    const parts = await setup()
    const { clock, fake } = parts
    t.equal(await check(parts), null)
    fake.answer(fake.jwksUri, gone)
    clock.advance(600)
    t.equal(await check(parts), null)
    t.strictSame(fake.requests.slice(2), [fake.jwksUri, fake.metadataUrl], 'and the same place is not asked twice')
    fake.answer(fake.metadataUrl, gone)
    clock.advance(5)
    t.equal(await check(parts), null)
    t.equal(await check(parts, await fake.token({}, { kid: 'new' })), 'keys_unavailable')
  })
})
