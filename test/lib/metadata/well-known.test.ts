import { test } from 'tap'
import { parseIdentifier } from '../../../lib/identifier.ts'
import { authorizationServerMetadataUrls, metadataRoutes, metadataTarget, metadataUrl, targetOf } from '../../../lib/metadata/well-known.ts'

const wellKnown = '/.well-known/oauth-protected-resource'

test('where the metadata of a resource is', t => {
  for (const [resource, url] of [
    ['https://h', `https://h${wellKnown}`],
    ['https://h/', `https://h${wellKnown}`],
    ['https://h/a', `https://h${wellKnown}/a`],
    ['https://h/a/', `https://h${wellKnown}/a/`],
    ['https://h:8443/a/b', `https://h:8443${wellKnown}/a/b`],
    ['https://h?t=1', `https://h${wellKnown}?t=1`],
    ['https://h/?t=1', `https://h${wellKnown}?t=1`],
    ['https://h/a?t=1', `https://h${wellKnown}/a?t=1`],
    ['HTTPS://H/A', `HTTPS://H${wellKnown}/A`]
  ] as const) {
    const parts = parseIdentifier(resource)
    t.equal(metadataUrl(parts), url, resource)
    t.equal(parts.origin + metadataTarget(parts), url, resource)
  }
  t.strictSame(metadataRoutes, [wellKnown, `${wellKnown}/*`])
  t.end()
})

test('where the metadata of an authorization server may be, in order', t => {
  for (const [issuer, urls] of [
    ['https://h', ['https://h/.well-known/oauth-authorization-server', 'https://h/.well-known/openid-configuration']],
    ['https://h/', ['https://h/.well-known/oauth-authorization-server', 'https://h/.well-known/openid-configuration']],
    ['https://h/t/1', [
      'https://h/.well-known/oauth-authorization-server/t/1', 'https://h/.well-known/openid-configuration/t/1',
      'https://h/t/1/.well-known/openid-configuration'
    ]],
    ['https://h/t/', [
      'https://h/.well-known/oauth-authorization-server/t', 'https://h/.well-known/openid-configuration/t',
      'https://h/t/.well-known/openid-configuration'
    ]]
  ] as const) t.strictSame(authorizationServerMetadataUrls(parseIdentifier(issuer)), urls, issuer)
  t.end()
})

test('the target of a request, in either form', t => {
  for (const [url, target] of [
    ['/a?b', '/a?b'], ['http://h/a?b', '/a?b'], ['HTTPS://h:8443/a', '/a'], ['https://h', ''], ['https://h?b', '?b'], ['//h/a', '//h/a'], ['/https://h/a', '/https://h/a']
  ] as const) t.equal(targetOf(url), target, url)
  t.end()
})
