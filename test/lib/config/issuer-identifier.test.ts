import { test } from 'tap'
import { checkIssuerIdentifier } from '../../../lib/config/issuer-identifier.ts'

const fetched = { isFetched: true, allowInsecureHttp: false }
const compared = { isFetched: false, allowInsecureHttp: false }
const tenant = '11111111-2222-3333-4444-555555555555'

test('RFC 8414 section 2: an issuer whose metadata is fetched is an https URL without query and fragment', t => {
  for (const issuer of ['https://as', 'https://as/', 'https://as/realms/a', 'http://localhost:8080/realms/a', `https://login.microsoftonline.com/${tenant}/v2.0`]) {
    t.ok(checkIssuerIdentifier('x', issuer, fetched), issuer)
  }
  t.ok(checkIssuerIdentifier('x', 'http://keycloak:8080/realms/a', { isFetched: true, allowInsecureHttp: true }))
  for (const [issuer, message] of [
    ['http://as', /^x must be https; http is allowed for loopback hosts only, got "http:\/\/as"\. For development .*, set allowInsecureHttp\. .* set jwksUri, jwks or introspection\.endpoint/],
    ['https://as?x', /^x must not have a query \(RFC 8414 section 2\), got "https:\/\/as\?x"/],
    ['https://as#x', /^x must not have a fragment, got/],
    ['auth-service', /^x must be an absolute https URL, got "auth-service"\. Its metadata is fetched from there: set jwksUri/],
    ['login.example.com', /^x must be an absolute https URL, got "login\.example\.com"\. Did you mean "https:\/\/login\.example\.com"\?$/],
    ['a b', /^x must be an absolute https URL, got "a b"$/]
  ] as const) t.throws(() => checkIssuerIdentifier('x', issuer, fetched), { name: 'OptionError', message })
  t.end()
})

test('RFC 7519 section 2: an issuer that is only compared is any StringOrURI, and clients cannot look it up [B5]', t => {
  for (const issuer of ['http://sts.contoso.example/adfs/services/trust', 'auth-service', 'urn:example:issuer', 'https://as?x', 'kubernetes/serviceaccount']) {
    t.notOk(checkIssuerIdentifier('x', issuer, compared), issuer)
  }
  t.ok(checkIssuerIdentifier('x', 'https://as', compared))
  for (const issuer of ['a b', 'a\nb', '1x:a', ':', '']) t.throws(() => checkIssuerIdentifier('x', issuer, compared), { name: 'OptionError' }, JSON.stringify(issuer))
  t.end()
})

test('values that look right and that no token has as iss are refused, with the fix [A5]', t => {
  for (const options of [fetched, compared]) {
    for (const [issuer, likely] of [
      ['https://as.example/realms/a/.well-known/openid-configuration', 'https://as.example/realms/a'],
      ['https://as.example/.well-known/oauth-authorization-server/realms/a', 'https://as.example/realms/a'],
      ['https://as.example/.well-known/openid-configuration', 'https://as.example']
    ] as const) {
      t.throws(() => checkIssuerIdentifier('x', issuer, options), {
        message: `x must be the issuer identifier, not the address of its metadata, got "${issuer}". Use the issuer that this document names, most likely "${likely}"`
      })
    }
    for (const issuer of [
      'https://login.microsoftonline.com/common/v2.0', 'https://login.microsoftonline.com/organizations/v2.0', 'https://login.microsoftonline.com/consumers/v2.0',
      'https://login.microsoftonline.com/contoso.onmicrosoft.com/v2.0', 'https://sts.windows.net/common/', 'https://login.microsoftonline.us/common/v2.0', 'https://login.microsoftonline.com/'
    ]) {
      t.throws(() => checkIssuerIdentifier('x', issuer, options), {
        message: /^x must name an Entra tenant by its id, got .* Use https:\/\/login\.microsoftonline\.com\/<tenant id>\/v2\.0, or resolveIssuer for several tenants$/
      }, issuer)
    }
  }
  t.end()
})
