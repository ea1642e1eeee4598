import { createHash } from 'node:crypto'
import { calculateJwkThumbprint, decodeJwt, decodeProtectedHeader, importJWK, jwtVerify } from 'jose'
import type { JWK } from 'jose'
import { test } from 'tap'
import type { Prover } from '../../../../lib/client/oauth/dpop.ts'
import { createProofKey, createProver, exportProofKey, importProofKey } from '../../../../lib/client/oauth/dpop.ts'

const nonceOf = async (prover: Prover, url: string, token: string | null): Promise<unknown> => decodeJwt(await prover.proofFor('GET', url, token)).nonce

test('RFC 9449 4.2: a proof is for one request, and never reused [F68 R9449-36]', async t => {
  const prover = await createProver((await createProofKey())!, { now: () => 1_700_000_000_500 })
  const proof = await prover.proofFor('POST', 'https://api.example.com:8443/a%20b?query=1#fragment', 'token')
  const header = decodeProtectedHeader(proof) as { jwk: JWK, alg: string, typ: string }
  t.match(header, { alg: 'ES256', typ: 'dpop+jwt', jwk: { kty: 'EC', crv: 'P-256' } })
  t.notOk('d' in header.jwk, 'without the private key')
  const { payload } = await jwtVerify(proof, await importJWK(header.jwk, header.alg))
  t.same(payload, {
    jti: payload.jti, htm: 'POST', htu: 'https://api.example.com:8443/a%20b', iat: 1_700_000_000, ath: createHash('sha256').update('token').digest('base64url')
  })
  t.equal(prover.thumbprint, await calculateJwkThumbprint(header.jwk))
  t.not(decodeJwt(await prover.proofFor('POST', 'https://api.example.com/', 'token')).jti, payload.jti)
  t.notOk('ath' in decodeJwt(await prover.proofFor('POST', 'https://api.example.com/token', null)))
})

test('RFC 9449 9: nonces are kept by origin, and those of token endpoints separately [F68 R9449-32]', async t => {
  const prover = await createProver((await createProofKey())!)
  const [resource, token] = ['https://one.example/api', 'https://one.example/token']
  t.equal(await nonceOf(prover, resource, 'at'), undefined)
  prover.sawNonce(resource, 'r1')
  t.equal(await nonceOf(prover, `${resource}/more?x=1`, 'at'), 'r1')
  t.equal(await nonceOf(prover, 'https://other.example/api', 'at'), undefined)
  t.equal(await nonceOf(prover, token, null), undefined, 'a token endpoint of that origin has its own')
  prover.sawNonce(token, 's1')
  t.equal(await nonceOf(prover, token, null), 's1')
  t.equal(await nonceOf(prover, resource, 'at'), 'r1')
  prover.sawNonce(resource, 'r2')
  t.equal(await nonceOf(prover, resource, 'at'), 'r2')
})

test('nonces of many origins are not kept forever', async t => {
  const prover = await createProver((await createProofKey())!)
  for (let serial = 0; serial <= 100; serial++) prover.sawNonce(`https://host-${serial}.example/`, 'n')
  t.equal(await nonceOf(prover, 'https://host-0.example/', 'at'), undefined)
  t.equal(await nonceOf(prover, 'https://host-1.example/', 'at'), 'n')
  prover.sawNonce('https://host-1.example/', 'newer')
  prover.sawNonce('https://host-101.example/', 'n')
  t.equal(await nonceOf(prover, 'https://host-1.example/', 'at'), 'newer', 'the one that was seen last is kept longest')
  t.equal(await nonceOf(prover, 'https://host-2.example/', 'at'), undefined)
})

test('RFC 9449 9: of many token endpoints, the 100 used last keep a nonce apart from that of their origin', async t => {
  const prover = await createProver((await createProofKey())!)
  const use = async (serial: number): Promise<unknown> => await prover.proofFor('POST', `https://host-${serial}.example/token`, null)
  for (let serial = 0; serial < 100; serial++) await use(serial)
  await use(0)
  await use(100)
  for (const serial of [0, 1]) prover.sawNonce(`https://host-${serial}.example/token`, 'n')
  t.equal(await nonceOf(prover, 'https://host-0.example/api', 'at'), undefined, 'it was used again')
  t.equal(await nonceOf(prover, 'https://host-1.example/api', 'at'), 'n', 'no longer known as a token endpoint')
})

test('a DPoP key can be exported and imported after a restart [RFSH-13]', async t => {
  for (const algorithm of ['ES256', 'EdDSA', 'ES384', 'ES512', 'PS256', 'RS256']) {
    const key = (await createProofKey([algorithm, 'none']))!
    const stored = JSON.parse(JSON.stringify(await exportProofKey(key))) as Awaited<ReturnType<typeof exportProofKey>>
    const again = await createProver(await importProofKey(stored))
    t.equal(again.thumbprint, (await createProver(key)).thumbprint, algorithm)
    const proof = await again.proofFor('GET', 'https://api.example.com/', 'token')
    const { jwk, alg } = decodeProtectedHeader(proof) as { jwk: JWK, alg: string }
    await jwtVerify(proof, await importJWK(jwk, alg))
    for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi']) t.notOk(member in jwk, `${algorithm} ${member}`)
  }
})

test('algorithms that are not allowed for proofs are refused [MCPD-07]', async t => {
  for (const supported of [[], ['none'], ['HS256'], ['none', 'HS512']]) t.equal(await createProofKey(supported), null)
  t.equal((await createProofKey(['RS256', 'ES256']))!.algorithm, 'ES256')
})
