/** A DPoP proof (RFC 9449) with a hot token, over one raw ES256 check; the check for replay is part of it. */
import { createHash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { EmbeddedJWK, calculateJwkThumbprint, createLocalJWKSet, jwtVerify } from 'jose'
import { checks, createRawCheck } from './support/in-process.js'
import { createProofKey, createTokens, jwks, resource } from './support/issuer.js'
import { testIssuer } from './support/ours.js'
import { runAlone } from './support/report.js'
import { cpuOf, interleave, over } from './support/rounds.js'
import { amount, rounds } from './support/settings.js'
import { median } from './support/statistics.js'

const request = { method: 'GET', uri: `${resource}/` }
/** Samples are short and many, so that little changes between the two of a ratio. */
const count = amount(200)
const samplesPerRound = 5
/** Checks before each sample: what the last contender left in the caches of the processor is gone by then. */
const unmeasured = 50
const warmUps = 10

/** More keys than the 10,000 that are kept imported: each comes when it has been forgotten, and its token has not. */
const manyKeys = 10_400

/** Keys of clients, each with a token that is bound to it. */
function createLoad (keys) {
  return Array.from({ length: keys }, () => {
    const key = createProofKey()
    const [token] = createTokens(testIssuer, 'ES256', 1, { cnf: { jkt: key.thumbprint } })
    return { token, prove: () => key.prove({ ...request, token }) }
  })
}

const presentation = proof => ({
  scheme: 'DPoP', requirement: 'required', method: request.method, targetUris: [request.uri], certificateThumbprint: null, proofs: [proof], provideNonce () {}
})

async function ours () {
  const verify = await checks.ours({ dpop: 'required', tokenCache: { maxEntries: 20_000 } })()
  // Each client has a connection of its own, which repeats its token.
  const connections = new Map()
  return (token, proof) => {
    if (!connections.has(token)) connections.set(token, {})
    return verify(token, presentation(proof), connections.get(token))
  }
}

/** The proof alone, by hand: embedded key, thumbprint, `ath` and a map of what was seen. */
async function jose () {
  const seen = new Map()
  const keys = createLocalJWKSet(jwks)
  return async (token, proof) => {
    const { payload: { cnf } } = await jwtVerify(token, keys, { issuer: testIssuer, audience: resource, typ: 'at+jwt' })
    const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, { typ: 'dpop+jwt', algorithms: ['ES256'], maxTokenAge: 300 })
    const thumbprint = await calculateJwkThumbprint(protectedHeader.jwk)
    if (thumbprint !== cnf.jkt || payload.htm !== request.method || payload.htu !== request.uri) throw new Error('refused')
    if (payload.ath !== createHash('sha256').update(token).digest('base64url') || seen.has(payload.jti)) throw new Error('refused')
    seen.set(payload.jti, payload.iat)
  }
}

const checkRaw = createRawCheck('ES256')
/** Of the token, which is signed in the same way as the proof. */
const rawCheck = token => checkRaw(token)

async function checkAll ({ check }, proofs) {
  for (let i = 0; i < proofs.length; i++) {
    const answer = check(...proofs[i])
    if (answer instanceof Promise) await answer
    if (i % 4 === 0) await nextTurn()
  }
}

async function compare ({ title, limit, keys }) {
  const load = createLoad(keys)
  const contenders = [
    { name: 'one raw ES256 check', role: 'reference', check: rawCheck },
    { name: 'the same, once more', role: 'error', check: rawCheck },
    { name: 'this package', role: 'ours', check: await ours() },
    { name: 'jose by hand', role: 'peer', check: await jose() }
  ].map(contender => ({ ...contender, next: 0 }))
  for (const { role, check } of contenders) {
    // All tokens are hot for us. Of many keys, the first are forgotten by the time that they come again.
    for (const { token, prove } of role === 'ours' ? load : load.slice(0, 50)) await check(token, prove())
  }
  const samples = await interleave(contenders, rounds * samplesPerRound, async contender => {
    const proofs = Array.from({ length: unmeasured + count }, () => {
      const { token, prove } = load[contender.next++ % keys]
      return [token, prove()]
    })
    await checkAll(contender, proofs.slice(0, unmeasured))
    return await cpuOf(() => checkAll(contender, proofs.slice(unmeasured))) / count
  }, warmUps)
  const base = samples.get(contenders[0].name)
  return {
    title,
    unit: 'CPU, × one raw ES256 check',
    limit,
    base: `1 is ${median(base).toFixed(0)} µs.`,
    rows: contenders.map(({ name, role }) => ({ name, role, values: over(samples.get(name), base) }))
  }
}

export async function bench () {
  return [
    await compare({ title: 'DPoP: a proof of a known key with a hot token, in process', limit: 1.15, keys: 1 }),
    await compare({ title: 'DPoP: a proof of a new key with a hot token, in process', limit: 2.7, keys: manyKeys })
  ]
}

await runAlone(import.meta, bench)
