import { test } from 'tap'
import * as Value from 'typebox/value'
import { grantRefusalBody, refusalBody, withRefusals } from '../../../lib/openapi/responses.ts'
import { policyOf } from '../../support/route-policy.ts'

const any = policyOf()
const scoped = policyOf({ scopes: ['a'], anyOfScopes: ['b', 'c'] })

test('what a rule may lead to is described, what the route says of it stays (F84)', t => {
  const own = { 200: { type: 'string' }, 401: { type: 'null' } }
  t.strictSame(Object.keys(withRefusals(undefined, any)!), ['200', '401', '503'])
  t.strictSame(Object.keys(withRefusals(own, scoped)!), ['200', '401', '403', '503'])
  t.equal(withRefusals(own, scoped)![401], own[401])
  t.strictSame(Object.keys(withRefusals({ '4xx': {}, '5XX': {} }, scoped)!), ['4xx', '5XX'])
  t.match(withRefusals(own, scoped)![403], { description: 'The access token does not cover a and b, or a and c' })
  const open = policyOf(false)
  t.equal(withRefusals(own, open), own)
  t.equal(withRefusals(undefined, open), undefined)
  t.end()
})

test('the schemas are those of the bodies', t => {
  t.ok(Value.Check(refusalBody, { statusCode: 401, code: 'FST_OAUTH_TOKEN_MISSING', error: 'Unauthorized', message: 'An access token is required' }))
  t.ok(Value.Check(grantRefusalBody, { error: 'access_denied', error_description: 'This authorization is not allowed' }))
  t.end()
})
