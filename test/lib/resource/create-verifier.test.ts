import { test } from 'tap'
import { resolveConfig } from '../../../lib/config/resolve.ts'
import { createVerifierOf } from '../../../lib/resource/create-verifier.ts'
import { optionsFor } from '../../support/app.ts'
import { createTestClock } from '../../support/clock.ts'
import { createRecordedLog } from '../../support/issuer-log.ts'
import { createFakeIssuer } from '../../support/issuer.ts'

test('the verifier of a configuration', async t => {
  const clock = createTestClock()
  const issuer = await createFakeIssuer({ clock })
  const jwks = { keys: issuer.keys.map(key => key.publicJwk) }
  const cases = {
    'asks for nothing before the first token': [{}, [issuer.metadataUrl, issuer.jwksUri], true],
    'uses the jwksUri': [{ authorizationServers: [{ issuer: issuer.issuer, jwksUri: issuer.jwksUri }] }, [issuer.jwksUri], true],
    'uses the keys': [{ authorizationServers: [{ issuer: issuer.issuer, jwks }] }, [], true],
    'remembers nothing where that was not wanted': [{ tokenCache: false as const }, [issuer.metadataUrl, issuer.jwksUri], false]
  } as const
  for (const [title, [options, requests, remembers]] of Object.entries(cases)) {
    issuer.requests.length = 0
    const verifier = createVerifierOf(resolveConfig(optionsFor(issuer, { clock, ...options })).config, () => t.fail('nothing to tell of'), createRecordedLog())
    t.strictSame(issuer.requests, [], title)
    const token = await issuer.token()
    t.match(await verifier.verify(token), { subject: 'user-1' }, title)
    t.strictSame(issuer.requests, requests, title)
    const again = verifier.verify(token)
    t.notOk(again instanceof Promise, `${title}: known keys need no promise`)
    t.equal(again === verifier.verify(token), remembers, title)
  }
})
