import { test } from 'tap'
import type { NamedSchemes, OpenApiSettings } from '../../../lib/openapi/scheme.ts'
import { certificateScheme, dpopScheme, securityOf, securityScheme as schemeOf } from '../../../lib/openapi/scheme.ts'
import { policyOf } from '../../support/route-policy.ts'

const rules: OpenApiSettings = { scheme: 'oauth', type: 'openIdConnect', definition: null, responses: true }
const securityScheme = (settings: OpenApiSettings, issuers: readonly string[]): ReturnType<typeof schemeOf> => schemeOf(settings, issuers, 'allowed')
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
    const schemes: NamedSchemes = { token: { name: 'oauth', scheme }, dpop: null, certificate: null }
    t.strictSame(securityOf(policyOf(config), schemes, { dpop: 'off', certificates: 'off' }), expected)
    t.end()
  })
}

test('a resource that requires DPoP has no bearer scheme', t => {
  t.strictSame(schemeOf({ ...rules, type: 'bearer' }, ['https://one.example.com/t/'], 'required'), { type: 'http', scheme: 'dpop', description })
  t.strictSame(schemeOf(rules, [], 'required'), { type: 'http', scheme: 'dpop' })
  t.equal(schemeOf({ ...rules, definition: own }, [], 'required'), own, 'the host says what it is')
  t.end()
})

const dpop = { name: 'proof', scheme: dpopScheme }
const certificate = { name: 'mtls', scheme: certificateScheme }
const http = { type: 'http', scheme: 'bearer' }
const bound = [
  ['DPoP allowed', 'allowed', openIdConnect, { dpop }, [{ oauth: ['a'] }, { oauth: ['a'], proof: [] }]],
  ['DPoP required', 'required', openIdConnect, { dpop }, [{ oauth: ['a'], proof: [] }]],
  ['DPoP off for the route', 'off', openIdConnect, { dpop }, [{ oauth: ['a'] }]],
  ['DPoP in place of a bearer token', 'allowed', http, { dpop }, [{ oauth: [] }, { proof: [] }]],
  ['DPoP required, in place of a bearer token', 'required', http, { dpop }, [{ proof: [] }]],
  ['DPoP required by a scheme of its own', 'required', { type: 'http', scheme: 'dpop' }, {}, [{ oauth: [] }]],
  ['certificates allowed', 'off', openIdConnect, { certificate }, [{ oauth: ['a'] }, { oauth: ['a'], mtls: [] }]],
  ['both required', 'required', openIdConnect, { dpop, certificate, required: true }, [{ oauth: ['a'], proof: [], mtls: [] }]]
] as const
for (const [title, requirement, scheme, { required = false, ...others }, expected] of bound as ReadonlyArray<readonly [string, 'off' | 'allowed' | 'required', object, Partial<NamedSchemes> & { required?: boolean }, readonly object[]]>) {
  test(`OpenAPI 3.1: the requirements of a route, ${title} (F84)`, t => {
    const schemes: NamedSchemes = { token: { name: 'oauth', scheme: { ...scheme } }, dpop: null, certificate: null, ...others }
    const policy = policyOf({ scopes: ['a'] }, requirement)
    t.strictSame(securityOf(policy, schemes, { dpop: requirement, certificates: required ? 'required' : 'allowed' }), expected)
    t.end()
  })
}
