import { exportJWK, generateKeyPair } from 'jose'
import type { JWK } from 'jose'
import { test } from 'tap'
import { createKeySet } from '../../../lib/token/key-set.ts'
import { createSigningKey } from '../../support/issuer.ts'
import { reasonOfAsync } from '../../support/reason.ts'

const ec = (await createSigningKey('ec', 'ES256')).publicJwk
const rsa = (await createSigningKey('rsa', 'RS256')).publicJwk

test('a document that is no JWK Set', async t => {
  for (const document of [{}, { keys: null }, { keys: {} }, { keys: 'x' }, { key: [] }]) {
    t.throws(() => createKeySet(document), TypeError, JSON.stringify(document))
  }
})

test('keys that cannot be used are skipped and the others kept', async t => {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const cases: Record<string, unknown> = {
    'no object': 'key',
    null: null,
    'a list': [],
    'no type': { kid: 'x' },
    'a type that is no text': { ...ec, kty: ['EC'] },
    symmetric: { kty: 'oct', k: 'c2VjcmV0', alg: 'HS256' },
    'of another type, with a secret': { ...ec, k: 'c2VjcmV0' },
    private: await exportJWK(privateKey),
    'RSA, too short': { ...rsa, n: 'A'.repeat(341) },
    'RSA, without a modulus': { kty: 'RSA', e: 'AQAB' },
    'RSA, with a modulus that is no text': { kty: 'RSA', e: 'AQAB', n: Array(342).fill('A') }
  }
  for (const [title, key] of Object.entries(cases)) {
    const set = createKeySet({ keys: [key, ec, key] })
    t.equal(set.size, 1, title)
    t.not(await set.select({ alg: 'ES256', kid: 'ec' }), null, title)
  }
  t.equal(createKeySet({ keys: [] }).size, 0)
  t.equal(createKeySet({ keys: [ec, rsa] }).size, 2)
})

test('the key for a header', async t => {
  const offCurve: JWK = { ...ec, y: ec.x! }
  const cases: Array<[title: string, keys: JWK[], header: Record<string, unknown>, found: boolean | string]> = [
    ['by its id', [ec, { ...ec, kid: 'other' }], { alg: 'ES256', kid: 'ec' }, true],
    ['without an id, the only one', [ec, rsa], { alg: 'ES256' }, true],
    ['without an id, one of two', [ec, { ...ec, kid: 'other' }], { alg: 'ES256' }, 'key_ambiguous'],
    ['two of one id', [ec, ec], { alg: 'ES256', kid: 'ec' }, 'key_ambiguous'],
    ['an unknown id', [ec], { alg: 'ES256', kid: 'other' }, false],
    ['an id in another case', [ec], { alg: 'ES256', kid: 'EC' }, false],
    ['no keys', [], { alg: 'ES256', kid: 'ec' }, false],
    ['of another type', [rsa], { alg: 'ES256', kid: 'rsa' }, false],
    ['of another curve', [ec], { alg: 'ES384', kid: 'ec' }, false],
    ['for another algorithm', [rsa], { alg: 'PS256', kid: 'rsa' }, false],
    ['for encryption', [{ ...ec, use: 'enc' }], { alg: 'ES256', kid: 'ec' }, false],
    ['for signing alone', [{ ...ec, key_ops: ['sign'] }], { alg: 'ES256', kid: 'ec' }, false],
    ['for verifying', [{ ...ec, key_ops: ['verify'] }], { alg: 'ES256', kid: 'ec' }, true],
    ['for nothing in particular', [{ kty: 'EC', crv: 'P-256', x: ec.x!, y: ec.y! }], { alg: 'ES256', kid: undefined }, true],
    ['off its curve', [offCurve], { alg: 'ES256', kid: 'ec' }, 'key_unusable'],
    ['without coordinates', [{ kty: 'EC', crv: 'P-256', kid: 'ec' }], { alg: 'ES256', kid: 'ec' }, 'key_unusable'],
    ['an algorithm that nobody knows', [ec], { alg: 'XX256', kid: 'ec' }, 'key_unusable'],
    ['a secret algorithm', [ec], { alg: 'HS256', kid: 'ec' }, 'key_unusable'],
    ['no algorithm', [ec], { kid: 'ec' }, 'key_unusable']
  ]
  for (const [title, keys, header, found] of cases) {
    const set = createKeySet({ keys })
    if (typeof found === 'string') t.equal(await reasonOfAsync(() => set.select(header)), found, title)
    else t.equal(await set.select(header) !== null, found, title)
  }
})
