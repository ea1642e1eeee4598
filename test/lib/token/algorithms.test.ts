import { test } from 'tap'
import { asymmetricAlgorithms } from '../../../lib/token/algorithms.ts'
import { createKeySet } from '../../../lib/token/key-set.ts'
import { parseJwt } from '../../../lib/token/jwt.ts'
import { checkSignature } from '../../../lib/token/signature.ts'
import { createFakeIssuer } from '../../support/issuer.ts'

test('none of them rests on a shared secret, and each one works', async t => {
  t.equal(new Set(asymmetricAlgorithms).size, asymmetricAlgorithms.length)
  for (const alg of asymmetricAlgorithms) {
    t.notMatch(alg, /^HS|none|^A\d|PBES/i, alg)
    const issuer = await createFakeIssuer({ alg })
    const jwt = parseJwt(await issuer.token())
    const key = await createKeySet({ keys: issuer.keys.map(one => one.publicJwk) }).select(jwt.header)
    await t.resolves(checkSignature(jwt, key!), alg)
  }
})
