import { test } from 'tap'
import type { OpenApiSettings } from '../../../lib/openapi/scheme.ts'
import { securityOf, securityScheme } from '../../../lib/openapi/scheme.ts'
import { policyOf } from '../../support/route-policy.ts'

const rules: OpenApiSettings = { scheme: 'oauth', type: 'openIdConnect', definition: null, responses: true }
const own = { type: 'oauth2', flows: {} }
const description = 'An access token of https://one.example.com/t/'

test('the scheme leads on to the first issuer (F84)', t => {
  t.strictSame(securityScheme(rules, ['https://one.example.com/t/']), {
    type: 'openIdConnect', openIdConnectUrl: 'https://one.example.com/t/.well-known/openid-configuration', description
  })
  t.match(securityScheme(rules, ['https://one.example.com', 'https://two.example.com']), {
    openIdConnectUrl: 'https://one.example.com/.well-known/openid-configuration',
    description: 'An access token of https://one.example.com or https://two.example.com'
  })
  t.strictSame(securityScheme({ ...rules, type: 'bearer' }, ['https://one.example.com/t/']), { type: 'http', scheme: 'bearer', description })
  t.strictSame(securityScheme(rules, []), { type: 'http', scheme: 'bearer' }, 'there is nowhere to lead to')
  t.equal(securityScheme({ ...rules, definition: own }, []), own)
  t.end()
})

const openIdConnect = { type: 'openIdConnect' }
const requirements = [
  [undefined, openIdConnect, [{ oauth: [] }]],
  [false, openIdConnect, []],
  [{ token: 'none' }, openIdConnect, []],
  [{ token: 'optional' }, openIdConnect, [{}, { oauth: [] }]],
  [{ scopes: ['a', 'b'] }, openIdConnect, [{ oauth: ['a', 'b'] }]],
  [{ scopes: ['a'], anyOfScopes: ['b', ['c', 'd']] }, own, [{ oauth: ['a', 'b'] }, { oauth: ['a', 'c', 'd'] }]],
  [{ scopes: ['a'] }, { type: 'http' }, [{ oauth: [] }]]
] as const
for (const [config, scheme, expected] of requirements) {
  test(`${JSON.stringify(config)} with ${scheme.type} (F84)`, t => {
    t.strictSame(securityOf(policyOf(config), 'oauth', scheme), expected)
    t.end()
  })
}
