import { test } from 'tap'
import type { DescribedResource, DescribedRoute, OpenApiDocument } from '../../../lib/openapi/catalogue.ts'
import { createOpenApiCatalogue } from '../../../lib/openapi/catalogue.ts'
import type { OpenApiSettings } from '../../../lib/openapi/scheme.ts'
import { policyOf } from '../../support/route-policy.ts'

const rules: OpenApiSettings = { scheme: 'oauth', type: 'openIdConnect', definition: null, responses: true }
const issuers = ['https://login.example.com']
const about = (settings: Partial<OpenApiSettings> = {}, advertisedIssuers = issuers, binding: Partial<DescribedResource['binding']> = {}): DescribedResource =>
  ({ settings: { ...rules, ...settings }, advertisedIssuers, binding: { dpop: 'off', certificates: 'off', ...binding } })
const rule = (): ReturnType<typeof policyOf> => policyOf()

test('a route is described by a schema of its own (F84)', t => {
  const catalogue = createOpenApiCatalogue()
  const schema = Object.freeze({ summary: 'A route', response: Object.freeze({ 200: { type: 'string' } }) })
  const routes: DescribedRoute[] = [{ schema }, {}, { schema: { security: [{ key: [] }] } }]
  for (const route of routes) catalogue.add(route, rule, about())
  catalogue.describe({})
  t.not(routes[0]!.schema, schema)
  t.match(routes, [
    { schema: { summary: 'A route', security: [{ oauth: [] }], response: { 200: { type: 'string' }, 401: {}, 503: {} } } },
    { schema: { security: [{ oauth: [] }], response: { 200: {}, 401: {} } } },
    { schema: { security: [{ key: [] }] } }
  ])
  const described = routes[0]!.schema
  catalogue.describe({})
  t.equal(routes[0]!.schema, described, 'once')
  t.end()
})

test('every document gets the schemes, and what the host defines stays (F84)', t => {
  const catalogue = createOpenApiCatalogue()
  catalogue.add({}, rule, about())
  catalogue.add({}, rule, about({ scheme: 'mine' }))
  const document: OpenApiDocument & { components: { schemas: object } } =
    { components: { schemas: {}, securitySchemes: { mine: { type: 'apiKey' }, key: { type: 'apiKey' } } } }
  catalogue.describe(document)
  t.match(document.components, { schemas: {}, securitySchemes: { oauth: { type: 'openIdConnect' }, mine: { type: 'apiKey' }, key: {} } })
  const another: OpenApiDocument = {}
  catalogue.describe(another)
  t.match(another.components?.securitySchemes, { oauth: {}, mine: { type: 'openIdConnect' } })
  t.end()
})

test('resources with the same issuers share a scheme, others do not (F84)', t => {
  const catalogue = createOpenApiCatalogue()
  const routes: DescribedRoute[] = [{}, {}, {}, {}]
  const other = ['https://other.example.com']
  catalogue.add(routes[0]!, rule, about())
  catalogue.add(routes[1]!, rule, about({}, other))
  catalogue.add(routes[2]!, rule, about())
  catalogue.add(routes[3]!, rule, about({}, other))
  catalogue.describe({})
  t.same(routes.map(({ schema }) => (schema as { security: object[] }).security),
    [[{ oauth: [] }], [{ 'oauth-2': [] }], [{ oauth: [] }], [{ 'oauth-2': [] }]])
  t.end()
})

test('answers are described only when they are to be, and never in another schema language', t => {
  const silent = createOpenApiCatalogue()
  const route: DescribedRoute = {}
  silent.add(route, rule, about({ responses: false }))
  silent.describe({})
  t.strictSame(route.schema, { security: [{ oauth: [] }] })

  const zod = { safeParse: () => ({}) }
  for (const schema of [{ body: zod }, { response: { 200: zod } }]) {
    const catalogue = createOpenApiCatalogue()
    const plain: DescribedRoute = {}
    catalogue.add({ schema }, rule, about())
    catalogue.add(plain, rule, about())
    catalogue.describe({})
    t.strictSame(plain.schema, { security: [{ oauth: [] }] })
  }
  t.end()
})

test('a document has the schemes of bound tokens, those of certificates from OpenAPI 3.1 on', t => {
  for (const [openapi, names] of [['3.1.0', ['oauth', 'oauth-dpop', 'oauth-certificate']], ['3.0.3', ['oauth', 'oauth-dpop']]] as const) {
    const catalogue = createOpenApiCatalogue()
    const route: DescribedRoute = {}
    catalogue.add(route, () => policyOf(undefined, 'required'), about({}, issuers, { dpop: 'allowed', certificates: 'required' }))
    const document: OpenApiDocument = { openapi }
    catalogue.describe(document)
    t.strictSame(Object.keys(document.components!.securitySchemes!), names)
    t.strictSame((route.schema as { security: object[] }).security, [Object.fromEntries(names.map(name => [name, []]))])
  }
  t.end()
})
