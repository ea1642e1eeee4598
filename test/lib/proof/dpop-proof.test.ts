import { generateKeyPairSync } from 'node:crypto'
import { test } from 'tap'
import type { DpopProofSettings, ProvenRequest } from '../../../lib/proof/dpop-proof.ts'
import { createProofCheck } from '../../../lib/proof/dpop-proof.ts'
import { createDpopNonces } from '../../../lib/proof/dpop-nonces.ts'
import { createMemoryReplayStore } from '../../../lib/stores/replay/memory-replay-store.ts'
import { createTestClock } from '../../support/clock.ts'
import { createProofMaker, tokenHash } from '../../support/dpop-proofs.ts'

const token = 'an-access-token'
const targetUri = 'https://api.example.com/mcp'
const client = createProofMaker()
const clock = createTestClock()
const now = clock.now() / 1000
const right = { htm: 'POST', htu: targetUri, iat: now, ath: tokenHash(token) }

const settings: DpopProofSettings = {
  algorithms: ['ES256', 'RS256', 'Ed25519', 'ES384'], maxAgeMs: 300_000, futureToleranceMs: 5000, nonces: null, replays: null, replayTimeoutMs: 1000
}
const requestWith = (...proofs: string[]): ProvenRequest => ({ proofs, method: 'POST', targetUris: [targetUri], tokenHash: tokenHash(token), keyThumbprint: client.thumbprint, provideNonce: () => {} })

/** The reason of the refusal; `null` where the proof is accepted. */
async function outcome (request: ProvenRequest, changes: Partial<DpopProofSettings> = {}): Promise<string | null> {
  return await reasonOf(async () => await createProofCheck({ ...settings, ...changes }, clock)(request))
}

async function reasonOf (check: () => Promise<void>): Promise<string | null> {
  try {
    await check()
    return null
  } catch (error) {
    return (error as { reason: string }).reason
  }
}

test('RFC 9449 4.3: a right proof is accepted, at once where nothing has to be waited for', async t => {
  t.equal(createProofCheck(settings, clock)(requestWith(client.proof(right))), undefined)
  for (const algorithm of ['RS256', 'Ed25519', 'ES384'] as const) {
    const other = createProofMaker(algorithm)
    t.equal(await outcome({ ...requestWith(other.proof(right)), keyThumbprint: other.thumbprint }), null, algorithm)
  }
  t.equal(await outcome(requestWith(client.proof(right, { typ: 'application/DPoP+JWT' }))), null)
})

const tampered = (proof: string): string => {
  const [header, payload, signature] = proof.split('.') as [string, string, string]
  return `${header}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`
}
const secret = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })
const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })

const refused: ReadonlyArray<readonly [title: string, proofs: readonly string[], reason: string]> = [
  ['R9449-20 no DPoP header', [], 'proof_header_missing'],
  ['R9449-01 two DPoP headers', [client.proof(right), client.proof(right)], 'proof_repeated'],
  ['R9449-01 two proofs that were joined to one value', [`${client.proof(right)}, ${client.proof(right)}`], 'proof_malformed'],
  ['R9449-02 no JWT', ['junk'], 'proof_malformed'],
  ['R9449-02 no JSON', ['YQ.YQ.YQ'], 'proof_malformed'],
  ['R9449-02 another spelling of the base64url', [`${client.proof(right)}=`], 'proof_malformed'],
  ['R9449-02 longer than any proof', [`${'a'.repeat(9000)}.a.a`], 'proof_malformed'],
  ...['htm', 'htu', 'ath', 'iat', 'jti'].map(claim => [
    `R9449-03 without ${claim}`, [client.proof({ ...right, [claim]: undefined })],
    claim === 'ath' ? 'proof_of_another_token' : claim.startsWith('h') ? 'proof_of_another_request' : 'proof_malformed'
  ] as const),
  ['R9449-04 typ JWT', [client.proof(right, { typ: 'JWT' })], 'proof_malformed'],
  ['R9449-04 no typ', [client.proof(right, { typ: undefined })], 'proof_malformed'],
  ['R9449-05 alg none', [client.proof(right, { alg: 'none' })], 'proof_algorithm_refused'],
  ['R9449-05 a symmetric algorithm', [client.proof(right, { alg: 'HS256' })], 'proof_algorithm_refused'],
  ['R9449-05 an algorithm that is not in the list', [client.proof(right, { alg: 'PS256' })], 'proof_algorithm_refused'],
  ['R9449-05 no alg', [client.proof(right, { alg: undefined })], 'proof_algorithm_refused'],
  ['R9449-02 a critical extension', [client.proof(right, { crit: ['x'], x: 1 })], 'proof_malformed'],
  ['R9449-06 a signature that was changed', [tampered(client.proof(right))], 'proof_signature_invalid'],
  ['R9449-06 a signature of another key', [createProofMaker().proof(right, { jwk: client.publicJwk })], 'proof_signature_invalid'],
  ['R9449-07 a private member', [client.proof(right, { jwk: secret })], 'proof_key_refused'],
  ['R9449-07 a symmetric key', [client.proof(right, { jwk: { kty: 'oct', k: 'YQ' } })], 'proof_key_refused'],
  ['R9449-06 no key', [client.proof(right, { jwk: undefined })], 'proof_key_refused'],
  ['R9449-06 a key that is a list', [client.proof(right, { jwk: [] })], 'proof_key_refused'],
  ['R9449-06 a key of another curve', [client.proof(right, { jwk: { ...client.publicJwk, crv: 'P-384' } })], 'proof_key_refused'],
  ['R9449-06 a point that is not on the curve', [client.proof(right, { jwk: { ...client.publicJwk, x: client.publicJwk.y } })], 'proof_key_refused'],
  ['R9449-06 a key for another algorithm', [client.proof(right, { jwk: { ...client.publicJwk, alg: 'ES384' } })], 'proof_key_refused'],
  ['R9449-06 an RSA key of 1024 bits', [client.proof(right, { alg: 'RS256', jwk: small })], 'proof_key_refused'],
  ['R9449-08 the proof of another method', [client.proof({ ...right, htm: 'GET' })], 'proof_of_another_request'],
  ['R9449-08 the method in another case', [client.proof({ ...right, htm: 'post' })], 'proof_of_another_request'],
  ['R9449-09 the proof of another path', [client.proof({ ...right, htu: `${targetUri}/` })], 'proof_of_another_request'],
  ['R9449-09 the proof of another host', [client.proof({ ...right, htu: 'https://evil.example/mcp' })], 'proof_of_another_request'],
  ['R9449-09 the proof of another scheme', [client.proof({ ...right, htu: 'http://api.example.com/mcp' })], 'proof_of_another_request'],
  ['R9449-13 a proof that is too old', [client.proof({ ...right, iat: now - 301 })], 'proof_outside_window'],
  ['R9449-14 a proof of the future', [client.proof({ ...right, iat: now + 6 })], 'proof_outside_window'],
  ['R9449-13 an iat that is no number', [client.proof({ ...right, iat: String(now) })], 'proof_malformed'],
  ['R9449-15 the hash of another token', [client.proof({ ...right, ath: tokenHash('another') })], 'proof_of_another_token'],
  ['R9449-18 an oversized jti', [client.proof({ ...right, jti: 'a'.repeat(600) })], 'proof_malformed'],
  ['R9449-18 an empty jti', [client.proof({ ...right, jti: '' })], 'proof_malformed']
]
for (const [title, proofs, reason] of refused) {
  test(`RFC 9449 4.3: ${title} is refused`, async t => { t.equal(await outcome(requestWith(...proofs)), reason) })
}

test('RFC 9449 4.3: the key must be the one that the token is bound to (R9449-16)', async t => {
  t.equal(await outcome(requestWith(createProofMaker().proof(right))), 'proof_key_foreign')
})

test('RFC 9449 4.3: htu is compared after normalization, and its query does not matter (R9449-10)', async t => {
  for (const htu of ['HTTPS://API.example.com:443/mcp', `${targetUri}?a=b`, 'https://api.example.com/%6Dcp']) {
    t.equal(await outcome(requestWith(client.proof({ ...right, htu }))), null, htu)
  }
})

test('RFC 9449 11.1: the window reaches from its age to the tolerance for clocks that are ahead (R9449-13, R9449-14)', async t => {
  for (const iat of [now - 300, now - 1.5, now + 5]) t.equal(await outcome(requestWith(client.proof({ ...right, iat }))), null, String(iat))
})

test('RFC 9449 9: without a good nonce the refusal provides one (R9449-12, R9449-30)', async t => {
  const nonces = createDpopNonces({ secret: null, rotateMs: 60_000 }, clock)
  const check = createProofCheck({ ...settings, nonces }, clock)
  for (const nonce of [undefined, 'wrong', 1]) {
    await t.rejects(async () => await check(requestWith(client.proof({ ...right, nonce }))), {
      name: 'NonceRequiredError', code: 'FST_OAUTH_PROOF_NONCE_REQUIRED', statusCode: 401, oauthError: 'use_dpop_nonce', nonce: nonces.current()
    })
  }
  t.equal(await check(requestWith(client.proof({ ...right, nonce: nonces.current() }))), undefined)
})

test('RFC 9449 8.2: a proof with the nonce before the current one is accepted, and the current one provided [R9449-31]', async t => {
  const ticking = createTestClock()
  const nonces = createDpopNonces({ secret: null, rotateMs: 60_000 }, ticking)
  const check = createProofCheck({ ...settings, nonces }, ticking)
  const provided: string[] = []
  const nonce = nonces.current()
  const request = (): ProvenRequest => ({ ...requestWith(client.proof({ ...right, nonce })), provideNonce: next => provided.push(next) })
  await check(request())
  t.strictSame(provided, [])
  ticking.advance(60)
  await check(request())
  t.strictSame(provided, [nonces.current()])
})

test('RFC 9449 11.1: a proof is good once, and one that fails another check is not used up (R9449-17)', async t => {
  const replays = createMemoryReplayStore({ clock })
  const check = createProofCheck({ ...settings, replays }, clock)
  const proof = client.proof(right)
  t.equal(await reasonOf(async () => await check({ ...requestWith(proof), tokenHash: tokenHash('another') })), 'proof_of_another_token')
  t.equal(await reasonOf(async () => await check({ ...requestWith(proof), method: 'GET' })), 'proof_of_another_request')
  t.equal(await check(requestWith(proof)), undefined)
  t.equal(await reasonOf(async () => await check(requestWith(proof))), 'proof_replayed')
  t.equal(await check(requestWith(client.proof(right))), undefined, 'a new one')
})

test('RFC 9449 11.1: another spelling of the request does not make a used proof a new one (R9449-17)', async t => {
  const check = createProofCheck({ ...settings, replays: createMemoryReplayStore({ clock }) }, clock)
  const proof = client.proof(right)
  t.equal(await check(requestWith(proof)), undefined)
  for (const spelling of ['https://api.example.com/%6Dcp', 'https://api.example.com/./mcp', 'https://API.example.com:443/mcp']) {
    t.equal(await reasonOf(async () => await check({ ...requestWith(proof), targetUris: [spelling] })), 'proof_replayed', spelling)
  }
})

test('RFC 9449 4.3(9): of several public bases any one will do, and each proof names one', async t => {
  const targetUris = ['https://one.example/mcp', 'https://two.example/team/mcp']
  const at = (htu: string): ProvenRequest => ({ ...requestWith(client.proof({ ...right, htu })), targetUris })
  for (const htu of [...targetUris, 'HTTPS://two.example:443/team/%6Dcp']) t.equal(await outcome(at(htu)), null, htu)
  for (const htu of ['https://two.example/mcp', 'https://one.example/team/mcp', targetUri, 'nonsense']) t.equal(await outcome(at(htu)), 'proof_of_another_request', htu)
  try {
    await createProofCheck(settings, clock)(at(targetUri))
  } catch (error) {
    t.equal((error as { detail: { expected: string } }).detail.expected, 'htu is https://one.example/mcp or https://two.example/team/mcp')
  }
})

test('RFC 9449 11.1: a proof is remembered for as long as it could be used again', async t => {
  const time = createTestClock()
  const check = createProofCheck({ ...settings, replays: createMemoryReplayStore({ clock: time }) }, time)
  const proof = client.proof({ ...right, iat: now + 5 })
  await check(requestWith(proof))
  time.advance(305)
  t.equal(await reasonOf(async () => await check(requestWith(proof))), 'proof_replayed')
  time.advance(1)
  t.equal(await reasonOf(async () => await check(requestWith(proof))), 'proof_outside_window')
})

test('a replay store that does not answer makes the response 503, and so does one that answers nonsense', async t => {
  const stores = [
    { seen () { throw new Error('down') } },
    { async seen (): Promise<boolean> { throw new Error('down') } },
    { seen: () => new Promise<boolean>(() => {}) },
    { seen: () => undefined as unknown as boolean },
    { seen: async () => 'no' as unknown as boolean }
  ]
  for (const replays of stores) t.equal(await outcome(requestWith(client.proof(right)), { replays, replayTimeoutMs: 10 }), 'replay_store_unavailable')
})

test('a store that answers later', async t => {
  const replays = { seen: async (key: string) => !key.startsWith(`${client.thumbprint} ${targetUri} `) }
  t.equal(await outcome(requestWith(client.proof(right)), { replays }), null)
  t.equal(await outcome(requestWith(client.proof(right)), { replays: { seen: async () => true } }), 'proof_replayed')
})

test('no refusal, and no detail of one, holds the proof or the token', async t => {
  for (const [title, proofs] of refused) {
    try {
      await createProofCheck(settings, clock)(requestWith(...proofs))
    } catch (error) {
      const { message, detail } = error as { message: string, detail: unknown }
      const text = JSON.stringify([message, detail, String((error as Error).stack)])
      for (const proof of proofs) if (proof.length > 20) t.notOk(text.includes(proof), title)
      t.notOk(text.includes(token), title)
    }
  }
})

test('RFC 4648 3.5: another spelling of the same signature is refused, as it would be another proof to a log or cache [R9449-02]', async t => {
  const proof = client.proof(right)
  // 64 bytes leave four bits of the last character over.
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const spelling = proof.slice(0, -1) + alphabet[alphabet.indexOf(proof.at(-1)!) + 1]!
  t.strictSame(Buffer.from(spelling.split('.')[2]!, 'base64url'), Buffer.from(proof.split('.')[2]!, 'base64url'))
  t.equal(await outcome(requestWith(spelling)), 'proof_malformed')
})
