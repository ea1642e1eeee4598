import { test } from 'tap'
import { resolveOpenApi } from '../../../lib/config/openapi.ts'

test('defaults and what is given', t => {
  t.strictSame(resolveOpenApi({}), { scheme: 'oauth', type: 'openIdConnect', definition: null, responses: true })
  t.equal(resolveOpenApi({ openapi: false }), null)
  const definition = { type: 'http', scheme: 'bearer' }
  t.strictSame(resolveOpenApi({ openapi: { scheme: 's', definition, responses: false } }), { scheme: 's', type: 'openIdConnect', definition, responses: false })
  t.throws(() => resolveOpenApi({ openapi: { type: 'bearer', definition } }), { name: 'OptionError', message: 'openapi.type and openapi.definition contradict each other; remove one' })
  t.end()
})
