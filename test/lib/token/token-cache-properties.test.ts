import fc from 'fast-check'
import { test } from 'tap'
import type { RevocationStore } from '../../../lib/stores/revocations/revocation-store.ts'
import { createMemoryRevocationStore } from '../../../lib/stores/revocations/memory-revocation-store.ts'
import { createPossessionCheck } from '../../../lib/proof/check-possession.ts'
import type { AccessToken } from '../../../lib/token/access-token.ts'
import { createJwtIssuer } from '../../../lib/token/issuer.ts'
import { createTokenCache } from '../../../lib/token/token-cache.ts'
import { createTokenRouter, createVerifier } from '../../../lib/token/verifier.ts'
import { createTestClock } from '../../support/clock.ts'
import { createExpectedToken } from '../../support/expected-token.ts'
import { createFakeIssuer } from '../../support/issuer.ts'

const start = 1_800_000_000
const seconds = fc.double({ min: -20, max: 90, noNaN: true })

type CacheStep =
  | { readonly kind: 'remember', readonly digest: string, readonly lifetime: number | null, readonly maxAge: number, readonly version: number, readonly length: number }
  | { readonly kind: 'find', readonly digest: string }
  | { readonly kind: 'advance', readonly by: number }
  | { readonly kind: 'invalidate', readonly version: number }

const digest = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')
const version = fc.integer({ min: 0, max: 2 })
const cacheSteps: fc.Arbitrary<CacheStep[]> = fc.array(fc.oneof(
  fc.record<CacheStep & { kind: 'remember' }>({
    kind: fc.constant('remember'), digest, lifetime: fc.option(fc.integer({ min: -5, max: 100 })), maxAge: fc.integer({ min: 0, max: 90 }), version,
    length: fc.constantFrom(1, 20, 40)
  }),
  fc.record<CacheStep & { kind: 'find' }>({ kind: fc.constant('find'), digest }),
  fc.record<CacheStep & { kind: 'advance' }>({ kind: fc.constant('advance'), by: seconds }),
  fc.record<CacheStep & { kind: 'invalidate' }>({ kind: fc.constant('invalidate'), version })
), { minLength: 20, maxLength: 60 })

test('after any sequence, a cached token is its own, not expired, not too old, and its keys are current; entries and bytes are bounded', async t => {
  const limits = { maxEntries: 3, maxBytes: 150, maxAgeMs: 60_000 }
  const found: number[] = []
  fc.assert(fc.property(cacheSteps, steps => {
    const clock = createTestClock(start)
    const cache = createTokenCache(limits, clock)
    /** The largest time so far: a clock that is set back must not prolong anything. */
    let elapsedMs = 0
    const invalid = new Set<number>()
    const last = new Map<string, { accessToken: AccessToken, version: number, lostAtMs: number, length: number }>()
    for (const step of steps) {
      switch (step.kind) {
        case 'advance':
          clock.advance(step.by)
          if (step.by > 0) elapsedMs += step.by * 1000
          break
        case 'invalidate':
          invalid.add(step.version)
          break
        case 'remember': {
          const { lifetime, maxAge, length } = step
          const now = clock.now()
          const accessToken = { expiresAt: lifetime === null ? null : now / 1000 + lifetime } as AccessToken
          const keptMs = Math.min(lifetime === null ? Infinity : lifetime * 1000, maxAge * 1000, limits.maxAgeMs)
          cache.remember(step.digest, accessToken, { isCurrent: () => !invalid.has(step.version) }, maxAge * 1000, length)
          // What lasts no time is not remembered, and what was there stays.
          if (keptMs > 0) last.set(step.digest, { accessToken, version: step.version, lostAtMs: elapsedMs + keptMs, length })
          break
        }
        case 'find': {
          const accessToken = cache.find(step.digest)
          if (accessToken === null) break
          found.push(1)
          const expected = last.get(step.digest)!
          if (accessToken !== expected.accessToken) throw new Error('the token of another digest')
          // A millisecond for the sums of fractions.
          if (elapsedMs >= expected.lostAtMs + 1) throw new Error(`found ${elapsedMs - expected.lostAtMs} ms after its end`)
          if (invalid.has(expected.version)) throw new Error('its keys are not current')
        }
      }
    }
    const kept = [...last].filter(([name]) => cache.find(name) !== null)
    if (kept.length > limits.maxEntries) throw new Error(`${kept.length} entries`)
    const bytes = kept.reduce((sum, [, { length }]) => sum + 2 * length, 0)
    if (bytes > limits.maxBytes) throw new Error(`${bytes} bytes`)
  }), { numRuns: 1000 })
  t.ok(found.length > 100, `${found.length} times a token was found`)
})

test('a token that is larger than the whole cache is not remembered, and takes the place of none', async t => {
  const cache = createTokenCache({ maxEntries: 3, maxBytes: 150, maxAgeMs: 60_000 }, createTestClock(start))
  const validity = { isCurrent: () => true }
  cache.remember('a', { expiresAt: null } as AccessToken, validity, undefined, 10)
  cache.remember('b', { expiresAt: null } as AccessToken, validity, undefined, 76)
  t.equal(cache.find('b'), null)
  t.not(cache.find('a'), null)
})

type VerifierStep =
  | { readonly kind: 'verify', readonly token: number, readonly resource: number }
  | { readonly kind: 'revoke', readonly token: number }
  | { readonly kind: 'advance', readonly by: number }

const lifetimes = [10, 50, 200]
const issuers = ['https://a.example', 'https://b.example']
const resources = ['https://api.example.com/one', 'https://api.example.com/two']
const tokenIndex = fc.nat(issuers.length * resources.length * lifetimes.length - 1)
const verifierSteps: fc.Arbitrary<VerifierStep[]> = fc.array(fc.oneof(
  { weight: 4, arbitrary: fc.record<VerifierStep & { kind: 'verify' }>({ kind: fc.constant('verify'), token: tokenIndex, resource: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record<VerifierStep & { kind: 'revoke' }>({ kind: fc.constant('revoke'), token: tokenIndex }) },
  { weight: 1, arbitrary: fc.record<VerifierStep & { kind: 'advance' }>({ kind: fc.constant('advance'), by: fc.double({ min: 0, max: 40, noNaN: true }) }) }
), { minLength: 20, maxLength: 60 })

test('after any sequence, a verifier with a cache accepts no token past exp, none that is revoked, and none of another issuer or resource', async t => {
  const made = await Promise.all(issuers.flatMap(issuer => resources.flatMap(resource => lifetimes.map(async (lifetime, i) => {
    const { token } = await createFakeIssuer({ issuer, audience: resource, clock: createTestClock(start) })
    // Identifiers are unique at one issuer only, and two resources of it may be given the same one by a mistake.
    const tokenId = `token-${resources.indexOf(resource)}-${i}`
    return { token: await token({ exp: start + lifetime, jti: tokenId }), issuer, resource, tokenId, expiresAt: start + lifetime }
  }))))
  let accepted = 0
  await fc.assert(fc.asyncProperty(verifierSteps, async steps => {
    const clock = createTestClock(start)
    const revocations = createMemoryRevocationStore({ clock })
    const verifiers = resources.map(resource => createResourceVerifier(resource, clock, revocations))
    const revoked = new Set<number>()
    for (const step of steps) {
      if (step.kind === 'advance') {
        clock.advance(step.by)
        continue
      }
      const { token, issuer, resource, tokenId, expiresAt } = made[step.token]!
      if (step.kind === 'revoke') {
        revocations.revoke({ issuer, tokenId })
        revoked.add(step.token)
        continue
      }
      const isGood = clock.now() < expiresAt * 1000 && !revoked.has(step.token) && resource === resources[step.resource]
      let accessToken: AccessToken | null = null
      try {
        accessToken = await verifiers[step.resource]!.verify(token)
      } catch {
        // Refused.
      }
      if ((accessToken !== null) !== isGood) throw new Error(`${isGood ? 'refused' : 'accepted'}, though it should not be`)
      if (accessToken === null) continue
      accepted++
      if (accessToken.issuer !== issuer || accessToken.tokenId !== tokenId) throw new Error('the answer about another token')
    }
  }), { numRuns: 300 })
  t.ok(accepted > 100, `${accepted} tokens were accepted`)
})

/** With a cache of its own, in which few tokens fit, and issuers whose signatures are all good. */
function createResourceVerifier (resource: string, clock: ReturnType<typeof createTestClock>, revocations: RevocationStore) {
  const validity = { isCurrent: () => true }
  return createVerifier({
    route: createTokenRouter(issuers.map(issuer => createJwtIssuer(
      createExpectedToken({ issuer, audiences: [resource], clockToleranceSeconds: 0 }), { verifySignature: () => validity }, clock)), null),
    cache: createTokenCache({ maxEntries: 3, maxBytes: 10_000, maxAgeMs: 60_000 }, clock),
    revocations,
    checkPossession: createPossessionCheck({ checkProof: null, readsCertificates: false, requiresCertificates: false }),
    requiresCertificates: false,
    lookupTimeoutMs: 20,
    report () {}
  })
}
