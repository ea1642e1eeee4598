import { constants, createHash, generateKeyPairSync, sign } from 'node:crypto'
import { exportJWK, generateKeyPair } from 'jose'
import type { JWK } from 'jose'
import { test } from 'tap'
import { createKeySet } from '../../../lib/token/key-set.ts'
import { createSigningKey } from '../../support/issuer.ts'
import { reasonOf } from '../../support/reason.ts'

const ec = (await createSigningKey('ec', 'ES256')).publicJwk
const rsa = (await createSigningKey('rsa', 'RS256')).publicJwk
const otherEc = (await createSigningKey('ec', 'ES256')).publicJwk

test('RFC 7517 5: a document that is no JWK Set', async t => {
  for (const document of [{}, { keys: null }, { keys: {} }, { keys: 'x' }, { key: [] }]) {
    t.throws(() => createKeySet(document), TypeError, JSON.stringify(document))
  }
})

test('RFC 7517 5: keys that cannot be used are skipped, for a reason that is told, and the others kept (A4)', async t => {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })
  const padded = Buffer.concat([Buffer.alloc(128), Buffer.from(small.n!, 'base64url')]).toString('base64url')
  const cases: Record<string, [key: unknown, reason: RegExp]> = {
    'no object': ['key', /not an object/],
    null: [null, /not an object/],
    'a list': [[], /kty nothing/],
    'no type': [{ kid: 'x' }, /kty nothing/],
    'a type that is no text': [{ ...ec, kty: ['EC'] }, /kty \["EC"\]/],
    symmetric: [{ kty: 'oct', k: 'c2VjcmV0', alg: 'HS256' }, /shared secret/],
    'symmetric, without the secret': [{ kty: 'oct', alg: 'HS256' }, /shared secret/],
    'of another type, with a secret': [{ ...ec, k: 'c2VjcmV0' }, /shared secret/],
    private: [await exportJWK(privateKey), /private key/],
    'for encryption': [{ ...ec, use: 'enc' }, /use is "enc"/],
    'on a curve that no algorithm has': [{ ...ec, crv: 'secp256k1' }, /crv "secp256k1"/],
    Ed448: [{ kty: 'OKP', crv: 'Ed448', x: 'AA' }, /crv "Ed448"/],
    'a certificate alone': [{ kty: 'RSA', use: 'sig', x5c: ['MIIB'] }, /x5c/],
    'RSA, too short': [{ ...rsa, n: small.n }, /1024 bits/],
    'RSA, too short, with zeroes before it': [{ ...rsa, n: padded }, /1024 bits/],
    'RSA, without a modulus': [{ kty: 'RSA', e: 'AQAB' }, /n or e/],
    'RSA, without an exponent': [{ kty: 'RSA', n: rsa.n }, /n or e/],
    'RSA, with a modulus that is no text': [{ kty: 'RSA', e: 'AQAB', n: Array(342).fill('A') }, /n or e/],
    'RSA, with an empty modulus': [{ ...rsa, n: '' }, /1 bits/],
    'RFC 8017 3.1: RSA, with exponent 1 (D7)': [{ ...rsa, e: 'AQ' }, /exponent is "1"/],
    'RFC 8017 3.1: RSA, with exponent 0': [{ ...rsa, e: 'AA' }, /exponent is "0"/],
    'RFC 8017 3.1: RSA, with exponent 2': [{ ...rsa, e: 'Ag' }, /exponent is "2"/],
    'RFC 8017 3.1: RSA, with an even exponent': [{ ...rsa, e: 'AQAA' }, /exponent is "65536"/]
  }
  for (const [title, [key, reason]] of Object.entries(cases)) {
    const set = createKeySet({ keys: [key, ec, key] })
    t.equal(set.size, 1, title)
    t.equal(set.candidates({ alg: 'ES256', kid: 'ec' }).length, 1, title)
    t.match(set.skipped, [{ reason }, { reason }], title)
  }
  t.strictSame(createKeySet({ keys: [{ kid: 'old', kty: 'RSA', x5c: ['MIIB'] }] }).skipped,
    [{ keyId: '"old"', reason: 'it has a certificate (x5c) and no n and e' }])
  t.match(createKeySet({ keys: [] }), { size: 0, skipped: [], keyIds: [] })
  t.match(createKeySet({ keys: [ec, rsa] }), { size: 2, skipped: [], keyIds: ['ec', 'rsa'] })
  t.equal(createKeySet({ keys: [{ ...rsa, e: 'Aw' }] }).size, 1, 'exponent 3')
})

test('RFC 7517 4.7: a key of any type is used that has a certificate beside it', async t => {
  for (const [key, alg] of [[ec, 'ES256'], [rsa, 'RS256'], [(await createSigningKey('ed', 'EdDSA')).publicJwk, 'EdDSA']] as const) {
    const set = createKeySet({ keys: [{ ...key, x5c: ['MIIB'], x5t: 'AA' }] })
    t.strictSame([set.skipped, set.candidates({ alg, kid: key.kid }).length], [[], 1], alg)
  }
})

test('RFC 8017 8.2.2: a token that anyone can sign under exponent 1 finds no key (D7)', async t => {
  const set = createKeySet({ keys: [{ ...rsa, e: 'AQ' }] })
  t.strictSame(set.candidates({ alg: 'RS256', kid: 'rsa' }), [])
  // What such a key would accept: the padded digest itself.
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const info = Buffer.concat([Buffer.from('3031300d060960864801650304020105000420', 'hex'), createHash('sha256').update('input').digest()])
  const padded = Buffer.concat([Buffer.of(0, 1), Buffer.alloc(256 - info.length - 3, 255), Buffer.of(0), info])
  const [key] = createKeySet({ keys: [publicKey.export({ format: 'jwk' })] }).candidates({ alg: 'RS256' })
  t.equal(await key!.verify('input', padded), false)
  t.equal(await key!.verify('input', sign('sha256', Buffer.from('input'), { key: privateKey, padding: constants.RSA_PKCS1_PADDING })), true)
})

test('RFC 7515 4.1.4: the keys for a header', async t => {
  const offCurve: JWK = { ...ec, y: ec.x! }
  const others = await Promise.all(Array.from({ length: 5 }, async (_, i) => (await createSigningKey(`key-${i}`, 'ES256')).publicJwk))
  const cases: Array<[title: string, keys: JWK[], header: Record<string, unknown>, found: number | string]> = [
    ['by its id', [ec, { ...ec, kid: 'other' }], { alg: 'ES256', kid: 'ec' }, 1],
    ['without an id, the only one', [ec, rsa], { alg: 'ES256' }, 1],
    ['without an id, all that fit (B7)', [ec, { ...otherEc, kid: 'other' }], { alg: 'ES256' }, 2],
    ['without an id, at most four (B7)', others.slice(1), { alg: 'ES256' }, 4],
    ['without an id, more than four', others, { alg: 'ES256' }, 'key_ambiguous'],
    ['by its id, of many', others, { alg: 'ES256', kid: 'key-3' }, 1],
    ['the same key listed twice (B7)', [ec, { ...ec }], { alg: 'ES256', kid: 'ec' }, 1],
    ['two keys of one id (B7)', [ec, otherEc], { alg: 'ES256', kid: 'ec' }, 2],
    ['an unknown id', [ec], { alg: 'ES256', kid: 'other' }, 0],
    ['an id in another case', [ec], { alg: 'ES256', kid: 'EC' }, 0],
    ['no keys', [], { alg: 'ES256', kid: 'ec' }, 0],
    ['of another type', [rsa], { alg: 'ES256', kid: 'rsa' }, 0],
    ['of another curve', [ec], { alg: 'ES384', kid: 'ec' }, 0],
    ['for another algorithm', [rsa], { alg: 'PS256', kid: 'rsa' }, 0],
    ['for any algorithm of its type', [{ ...rsa, alg: undefined! }], { alg: 'PS512', kid: 'rsa' }, 1],
    ['for signing alone', [{ ...ec, key_ops: ['sign'] }], { alg: 'ES256', kid: 'ec' }, 0],
    ['for verifying', [{ ...ec, key_ops: ['verify'] }], { alg: 'ES256', kid: 'ec' }, 1],
    ['for nothing in particular', [{ kty: 'EC', crv: 'P-256', x: ec.x!, y: ec.y! }], { alg: 'ES256', kid: undefined }, 1],
    ['off its curve', [offCurve], { alg: 'ES256', kid: 'ec' }, 'key_unusable'],
    ['off its curve, beside a good one', [offCurve, ec], { alg: 'ES256', kid: 'ec' }, 1],
    ['without coordinates', [{ kty: 'EC', crv: 'P-256', kid: 'ec' }], { alg: 'ES256', kid: 'ec' }, 'key_unusable'],
    ['an algorithm that nobody knows', [{ ...ec, alg: undefined! }], { alg: 'XX256', kid: 'ec' }, 0],
    ['a secret algorithm', [{ ...ec, alg: undefined! }], { alg: 'HS256', kid: 'ec' }, 0],
    ['no algorithm', [{ ...ec, alg: undefined! }], { kid: 'ec' }, 0]
  ]
  for (const [title, keys, header, found] of cases) {
    const set = createKeySet(JSON.parse(JSON.stringify({ keys })) as { keys: JWK[] })
    if (typeof found === 'string') t.equal(reasonOf(() => set.candidates(header)), found, title)
    else t.equal(set.candidates(header).length, found, title)
  }
})

test('the log says which keys are too many, or cannot be imported', async t => {
  const many = await Promise.all(Array.from({ length: 5 }, async (_, i) => (await createSigningKey(`key-${i}`, 'ES256')).publicJwk))
  t.throws(() => createKeySet({ keys: many }).candidates({ alg: 'ES256' }), {
    detail: { expected: 'a kid in the header of the token, or a set in which few keys fit', received: 'kid nothing, and 5 keys of the issuer that fit' }
  } as never)
  t.throws(() => createKeySet({ keys: [{ ...ec, x: undefined }] }).candidates({ alg: 'ES256', kid: 'ec' }), {
    detail: { expected: 'a key for ES256 that this Node.js can import', received: /^kid "ec": ./ }
  } as never)
})

test('a key is imported once for each algorithm', async t => {
  const set = createKeySet({ keys: [ec] })
  t.equal(set.candidates({ alg: 'ES256', kid: 'ec' }), set.candidates({ alg: 'ES256', kid: 'ec' }))
  t.equal(set.candidates({ alg: 'ES256' })[0]!.algorithm, 'ES256')
})

test('what was looked up before does not change the answer, whatever a header has for kid and alg', async t => {
  const set = createKeySet({ keys: [{ ...ec, kid: '1' }] })
  const odd: Array<Record<string, unknown>> = [
    { alg: 'ES256', kid: 1 }, { alg: 'ES256 1' }, { alg: 'ES256 1', kid: undefined }, { alg: ['ES256'], kid: '1' }, { alg: 'ES256', kid: ['1'] },
    { alg: 'ES256', kid: { toString: 1 } }, { alg: 'ES256', kid: null }, { alg: 'ES384', kid: '1' }, { alg: 'ES256', kid: '' }
  ]
  for (const header of odd) t.strictSame(set.candidates(header), [], JSON.stringify(header))
  t.equal(set.candidates({ alg: 'ES256', kid: '1' }).length, 1)
  t.equal(set.candidates({ alg: 'ES256' }).length, 1)
  for (const header of odd) t.strictSame(set.candidates(header), [], `${JSON.stringify(header)}, after a key was found`)
})
