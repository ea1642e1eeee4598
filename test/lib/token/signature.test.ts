import { test } from 'tap'
import { importJWK } from 'jose'
import type { CryptoKey } from 'jose'
import { parseJwt } from '../../../lib/token/jwt.ts'
import { checkSignature } from '../../../lib/token/signature.ts'
import { createFakeIssuer } from '../../support/issuer.ts'
import { partsOf, signRaw } from '../../support/raw-token.ts'
import { reasonOfAsync } from '../../support/reason.ts'

test('a signature', async t => {
  const issuer = await createFakeIssuer()
  const other = await createFakeIssuer()
  const [key] = issuer.keys
  const publicKey = await importJWK(key!.publicJwk, 'ES256') as CryptoKey
  const token = await issuer.token()
  const [header, claims, signature] = token.split('.')
  const { claims: parsed } = partsOf(token)
  const cases: Record<string, [string, string | null]> = {
    'is checked': [token, null],
    'of another key': [await other.token(), 'signature_invalid'],
    'of other claims': [`${header}.${Buffer.from('{}').toString('base64url')}.${signature}`, 'signature_invalid'],
    'of another header': [`${Buffer.from('{"alg":"ES256"}').toString('base64url')}.${claims}.${signature}`, 'signature_invalid'],
    'that is too short': [`${header}.${claims}.${signature!.slice(0, 40)}`, 'signature_invalid'],
    'that is all zeroes': [`${header}.${claims}.${'A'.repeat(86)}`, 'signature_invalid'],
    'for an algorithm that the key is not for': [await signRaw(key!, { alg: 'RS256' }, parsed), 'signature_invalid'],
    'for an algorithm that is none': [await signRaw(key!, { alg: 'none' }, parsed), 'signature_invalid'],
    'with an extension that must be understood': [await signRaw(key!, { alg: 'ES256', crit: ['x'], x: 1 }, parsed), 'signature_invalid']
  }
  for (const [title, [given, reason]] of Object.entries(cases)) {
    t.equal(await reasonOfAsync(() => checkSignature(parseJwt(given), publicKey)), reason, title)
  }
})
