import { constants, createHash, createPrivateKey, createSign, generateKeyPairSync, sign } from 'node:crypto'
import type { KeyObject, SignKeyObjectInput } from 'node:crypto'
import fc from 'fast-check'
import { test } from 'tap'
import type { Jwk } from '../../../lib/token/signature.ts'
import { asymmetricAlgorithms, importKey, suitsAlgorithm } from '../../../lib/token/signature.ts'

const input = 'eyJhbGciOiJFUzI1NiJ9.e30'
const [nodeMajor, nodeMinor] = process.versions.node.split('.').map(Number) as [number, number]
const hasMlDsa = nodeMajor > 24 || (nodeMajor === 24 && nodeMinor >= 7)

interface Signer {
  readonly privateKey: KeyObject
  readonly jwk: Jwk
  readonly digest: string | null
  readonly options: Omit<SignKeyObjectInput, 'key'>
}

function signerOf (alg: string): Signer {
  const bits = Number(alg.slice(2))
  const digest = /^(?:RS|PS|ES)/.test(alg) ? `sha${bits}` : null
  const pair = pairOf(alg)
  const options = alg.startsWith('PS')
    ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: bits / 8 }
    : alg.startsWith('ES') ? { dsaEncoding: 'ieee-p1363' as const } : {}
  return { privateKey: pair.privateKey, jwk: pair.publicKey.export({ format: 'jwk' }) as Jwk, digest, options }
}

const curves: Record<string, string> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }

function pairOf (alg: string): { privateKey: KeyObject, publicKey: KeyObject } {
  if (/^[RP]S/.test(alg)) return generateKeyPairSync('rsa', { modulusLength: 2048 })
  if (alg.startsWith('ES')) return generateKeyPairSync('ec', { namedCurve: curves[alg]! })
  // The types know no other kind of key that has no options.
  return generateKeyPairSync((alg.startsWith('ML') ? alg.toLowerCase() : 'ed25519') as 'ed25519')
}

function signatureOf ({ privateKey, digest, options }: Signer, text = input): Buffer {
  return sign(digest, Buffer.from(text), { ...options, key: privateKey })
}

const available = asymmetricAlgorithms.filter(alg => hasMlDsa || !alg.startsWith('ML'))
const signers = new Map(available.map(alg => [alg, signerOf(alg)]))

test('RFC 7518 3.1, RFC 8037, RFC 9864, RFC 9964: no algorithm rests on a shared secret, and each one verifies', async t => {
  t.equal(new Set(asymmetricAlgorithms).size, asymmetricAlgorithms.length)
  if (!hasMlDsa) t.comment('ML-DSA is not verified: this Node.js does not have it')
  for (const [alg, signer] of signers) {
    t.notMatch(alg, /^HS|none|^A\d|PBES/i, alg)
    t.ok(suitsAlgorithm(signer.jwk, alg), alg)
    const key = importKey(signer.jwk, alg)
    t.equal(key.algorithm, alg)
    t.equal(await key.verify(input, signatureOf(signer)), true, alg)
  }
})

test('RFC 8725 3.2: a signature that is not of the key, in every way it can be wrong', async t => {
  for (const [alg, signer] of signers) {
    const key = importKey(signer.jwk, alg)
    const good = signatureOf(signer)
    const flipped = Buffer.from(good)
    flipped[flipped.length >> 1]! ^= 1
    const cases: Record<string, [signature: Uint8Array, text?: string]> = {
      'of another text': [good, `${input}x`],
      'of no text': [good, ''],
      'of another key': [signatureOf(signerOf(alg))],
      empty: [new Uint8Array()],
      'of one byte': [Uint8Array.of(1)],
      'cut at the end': [good.subarray(0, -1)],
      'cut at the start': [good.subarray(1)],
      'with a byte more': [Buffer.concat([good, Buffer.of(0)])],
      'with a byte before it': [Buffer.concat([Buffer.of(0), good])],
      'with one bit changed': [flipped],
      'all zeroes': [Buffer.alloc(good.length)],
      'all ones': [Buffer.alloc(good.length, 255)]
    }
    for (const [title, [signature, text = input]] of Object.entries(cases)) {
      t.equal(await key.verify(text, signature), false, `${alg}, ${title}`)
    }
  }
})

test('RFC 7518 3.4: an ECDSA signature in DER is refused, and R or S outside of the order', async t => {
  const signer = signers.get('ES256')!
  const key = importKey(signer.jwk, 'ES256')
  const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex')
  const der = createSign('sha256').update(input).sign(signer.privateKey)
  t.equal(await key.verify(input, der), false, 'in DER')
  // A DER encoding that happens to have the length of the other one.
  t.equal(await key.verify(input, Buffer.concat([der, Buffer.alloc(64)]).subarray(0, 64)), false)
  const good = signatureOf(signer)
  const [r, s] = [good.subarray(0, 32), good.subarray(32)]
  const zero = Buffer.alloc(32)
  for (const [title, one, other] of [
    ['R is zero', zero, s], ['S is zero', r, zero], ['R is the order', order, s], ['S is the order', r, order], ['they are exchanged', s, r]
  ] as const) t.equal(await key.verify(input, Buffer.concat([one, other])), false, title)
})

test('RFC 8032 5.1.7: an EdDSA signature whose S is not below the order is refused', async t => {
  const signer = signers.get('EdDSA')!
  const order = 2n ** 252n + 27742317777372353535851937790883648493n
  const good = signatureOf(signer)
  const s = BigInt(`0x${Buffer.from(good.subarray(32)).reverse().toString('hex')}`) + order
  const added = Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse()
  t.equal(await importKey(signer.jwk, 'EdDSA').verify(input, Buffer.concat([good.subarray(0, 32), added])), false)
})

test('RFC 7518 3.3, 3.5: a signature of one RSA padding or digest is refused by a key for another', async t => {
  const { privateKey, jwk } = signers.get('RS256')!
  const rsa = available.filter(alg => /^[RP]S/.test(alg))
  for (const signedWith of rsa) {
    const { digest, options } = signers.get(signedWith)!
    const signature = sign(digest, Buffer.from(input), { ...options, key: privateKey })
    for (const alg of rsa) t.equal(await importKey(jwk, alg).verify(input, signature), alg === signedWith, `${signedWith} by a key for ${alg}`)
  }
  for (const saltLength of [0, 20, 31, 33, 64]) {
    const signature = sign('sha256', Buffer.from(input), { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength })
    t.equal(await importKey(jwk, 'PS256').verify(input, signature), false, `a salt of ${saltLength} bytes`)
  }
  const raw = sign(null, createHash('sha256').update(input).digest(), { key: privateKey, padding: constants.RSA_PKCS1_PADDING })
  t.equal(await importKey(jwk, 'RS256').verify(input, raw), false, 'the digest alone, without its name')
})

test('RFC 8725 3.1: a key goes with the algorithms of its type and curve, and with no other', async t => {
  for (const [of, { jwk }] of signers) {
    for (const alg of [...available, 'none', 'HS256', 'RSA1_5', 'constructor', '', 'rs256']) {
      const sameKind = alg === of || (/^[RP]S/.test(of) && /^[RP]S\d/.test(alg)) || (of.startsWith('Ed') && alg.startsWith('Ed'))
      t.equal(suitsAlgorithm(jwk, alg), sameKind, `${of} and ${alg}`)
    }
  }
  t.equal(suitsAlgorithm({ ...signers.get('RS256')!.jwk, crv: 'P-256' }, 'RS256'), true, 'RFC 7517 4: a member that is not of its type is ignored')
  t.equal(suitsAlgorithm({ kty: 'OKP', crv: 'Ed448', x: 'x' }, 'EdDSA'), false)
  t.equal(suitsAlgorithm({ kty: 'oct', k: 'x' }, 'HS256'), false)
  t.equal(suitsAlgorithm({ kty: 'AKP', pub: 'x' }, 'ML-DSA-44'), false, 'RFC 9964 3: a key that does not say which it is')
})

const algorithms: Record<string, string> = { EC: 'ES256', RSA: 'RS256', OKP: 'EdDSA', AKP: 'ML-DSA-44' }

test('a key that is broken is not imported', async t => {
  const { jwk } = signers.get('ES256')!
  for (const broken of [
    { ...jwk, y: jwk.x }, { kty: 'EC', crv: 'P-256' }, { ...jwk, x: 7 }, { ...jwk, x: '' }, { kty: 'OKP', crv: 'Ed25519', x: 'AA' }, { kty: 'RSA', e: 'AQAB' },
    { kty: 'AKP', alg: 'ML-DSA-44', pub: 'AA' }
  ]) t.throws(() => importKey(broken, algorithms[broken.kty as string]!), JSON.stringify(broken))
})

test('only what is public of a key is imported', async t => {
  const { privateKey, jwk } = signers.get('ES256')!
  const key = importKey(privateKey.export({ format: 'jwk' }) as Jwk, 'ES256')
  t.equal(await key.verify(input, signatureOf(signers.get('ES256')!)), true)
  t.ok(createPrivateKey({ key: privateKey.export({ format: 'jwk' }), format: 'jwk' }))
  t.notOk('d' in jwk)
})

test('one signature is verified at once, a burst of them and dear algorithms in the thread pool', async t => {
  const signer = signers.get('RS256')!
  const key = importKey(signer.jwk, 'RS256')
  const signature = signatureOf(signer)
  const turn = (): Promise<void> => new Promise(resolve => { setImmediate(resolve) })
  await turn()
  t.equal(key.verify(input, signature), true)
  const burst = Array.from({ length: 64 }, (_, i) => key.verify(i % 2 === 0 ? input : 'other', signature))
  const pooled = burst.filter(answer => typeof answer !== 'boolean')
  t.ok(pooled.length > 32 && pooled.length < 64, `${pooled.length} of 64 in the thread pool`)
  t.strictSame(await Promise.all(burst), burst.map((_, i) => i % 2 === 0))
  await turn()
  t.equal(key.verify(input, signature), true, 'the next turn of the event loop may do some again')
  for (const alg of ['ES384', 'ES512', 'EdDSA']) {
    await turn()
    const dear = signers.get(alg)!
    const answer = importKey(dear.jwk, alg).verify(input, signatureOf(dear))
    t.equal(typeof answer, 'object', alg)
    t.equal(await answer, true)
  }
})

test('as much is verified at once in every turn of the event loop, and long RSA keys count by the square of their length', async t => {
  const turn = (): Promise<void> => new Promise(resolve => { setImmediate(resolve) })
  const atOnceOf = (bytes: number): (() => boolean) => {
    const key = importKey({ kty: 'RSA', n: Buffer.alloc(bytes, 255).toString('base64url'), e: 'AQAB' }, 'RS256')
    return () => key.verify(input, Buffer.alloc(bytes, 1)) === false
  }
  for (const [bits, expected] of [[2048, 32], [2048, 32], [3072, 15], [4096, 8], [6144, 0]] as const) {
    const atOnce = atOnceOf(bits / 8)
    await turn()
    atOnceOf(256)()
    await turn()
    t.equal(Array.from({ length: 40 }, atOnce).filter(Boolean).length, expected, `${bits} bits`)
  }
})

test('no signature but the one that was made is accepted, whatever its bytes', async t => {
  for (const alg of ['RS256', 'PS256', 'ES256', 'EdDSA']) {
    const signer = signers.get(alg)!
    const key = importKey(signer.jwk, alg)
    const length = signatureOf(signer).length
    await fc.assert(fc.asyncProperty(fc.uint8Array({ minLength: 0, maxLength: length + 2 }), async bytes => await key.verify(input, bytes) === false), { numRuns: 50 })
  }
})
