import { test } from 'tap'
import type { Fetch } from '../../../lib/http/limited-fetch.ts'
import type { MetadataNeeds } from '../../../lib/metadata/issuer-metadata.ts'
import { IssuerMetadataError, findIssuerMetadata } from '../../../lib/metadata/issuer-metadata.ts'

const keys: MetadataNeeds = { keys: true, introspection: 'none' }
const limits = { timeoutMs: 5000, maxBytes: 10_000 }

/** A fetch that knows these documents, and what it was asked for. */
function web (documents: Record<string, unknown>): { fetch: Fetch, asked: string[] } {
  const asked: string[] = []
  const fetch: Fetch = async url => {
    asked.push(url)
    return url in documents ? Response.json(documents[url]) : new Response('', { status: 404 })
  }
  return { fetch, asked }
}

test('where metadata is looked for, and in which order', async t => {
  const cases: Record<string, string[]> = {
    'https://as.example': [
      'https://as.example/.well-known/oauth-authorization-server',
      'https://as.example/.well-known/openid-configuration'
    ],
    'https://as.example/': [
      'https://as.example/.well-known/oauth-authorization-server',
      'https://as.example/.well-known/openid-configuration'
    ],
    'https://as.example:8443/t1/': [
      'https://as.example:8443/.well-known/oauth-authorization-server/t1',
      'https://as.example:8443/.well-known/openid-configuration/t1',
      'https://as.example:8443/t1/.well-known/openid-configuration'
    ],
    'https://AS.example/a/B%20c': [
      'https://AS.example/.well-known/oauth-authorization-server/a/B%20c',
      'https://AS.example/.well-known/openid-configuration/a/B%20c',
      'https://AS.example/a/B%20c/.well-known/openid-configuration'
    ]
  }
  for (const [issuer, urls] of Object.entries(cases)) {
    const nowhere = web({})
    await t.rejects(findIssuerMetadata(issuer, keys, nowhere.fetch, limits), IssuerMetadataError)
    t.strictSame(nowhere.asked, urls, issuer)
    for (const [i, url] of urls.entries()) {
      const { fetch, asked } = web({ [url]: { issuer, jwks_uri: 'https://keys.example/jwks' } })
      t.strictSame(await findIssuerMetadata(issuer, keys, fetch, limits), {
        value: { issuer, jwksUri: 'https://keys.example/jwks', introspectionEndpoint: null }, maxAgeSeconds: null
      }, url)
      t.strictSame(asked, urls.slice(0, i + 1), 'and it is not looked for any further')
    }
  }
})

test('what makes a document unusable', async t => {
  const issuer = 'https://as.example'
  const jwks = 'https://keys.example/jwks'
  const cases: Array<[document: Record<string, unknown>, fault: string | null]> = [
    [{ issuer, jwks_uri: jwks }, null],
    [{ issuer, jwks_uri: 'https://10.0.0.1/jwks' }, null],
    [{ issuer, jwks_uri: 'https://0.example/jwks' }, null],
    [{ issuer, jwks_uri: 'https://fe80.example/jwks' }, null],
    [{ issuer, jwks_uri: 'https://[2001:db8::1]/jwks' }, null],
    [{ jwks_uri: jwks }, 'names another issuer'],
    [{ issuer: `${issuer}/`, jwks_uri: jwks }, 'names another issuer'],
    [{ issuer: 'https://AS.example', jwks_uri: jwks }, 'names another issuer'],
    [{ issuer: [issuer], jwks_uri: jwks }, 'names another issuer'],
    [{ issuer }, 'has no jwks_uri'],
    [{ issuer, jwks_uri: [jwks] }, 'has no jwks_uri'],
    [{ issuer, jwks_uri: null }, 'has no jwks_uri'],
    [{ issuer, jwks_uri: jwks, introspection_endpoint: 'http://10.0.0.1' }, null],
    [{ issuer, jwks_uri: '' }, 'has a jwks_uri that must be an absolute https URL'],
    [{ issuer, jwks_uri: '/jwks' }, 'has a jwks_uri that must be an absolute https URL'],
    [{ issuer, jwks_uri: 'file:///etc/passwd' }, 'has a jwks_uri that must be an absolute https URL'],
    [{ issuer, jwks_uri: 'http://keys.example/jwks' }, 'has a jwks_uri that must be https; http is allowed for loopback hosts only'],
    [{ issuer, jwks_uri: 'https://user:pass@keys.example/jwks' }, 'has a jwks_uri that must not hold a user name or password'],
    [{ issuer, jwks_uri: 'https://keys.example/jwks#x' }, 'has a jwks_uri that must not have a fragment']
  ]
  for (const [document, fault] of cases) {
    const { fetch } = web({ [`${issuer}/.well-known/oauth-authorization-server`]: document })
    const found = findIssuerMetadata(issuer, keys, fetch, limits)
    const title = JSON.stringify(document)
    if (fault === null) await t.resolves(found, title)
    else await t.rejects(found, { name: 'IssuerMetadataError', message: new RegExp(`oauth-authorization-server: ${fault};`) }, title)
  }
})

test('keys on a local address, in all its spellings', async t => {
  const issuer = 'https://as.example'
  const hosts = [
    'localhost', 'LOCALHOST', 'localhost.', 'as.localhost', '127.0.0.1', '127.8.9.10', '127.1', '127.0.1', '127.0.0.1.',
    '2130706433', '0x7f.1', '0x7f000001', '0177.0.0.1', '0.0.0.0', '0', '169.254.169.254', '2852039166', '0xa9.0xfea9fe',
    '[::1]', '[0:0:0:0:0:0:0:1]', '[0000:0000:0000:0000:0000:0000:0000:0001]', '[::]', '[0::0]', '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]', '[0:0:0:0:0:FFFF:7F00:0001]', '[::127.0.0.1]', '[::ffff:10.0.0.1]', '[64:ff9b::127.0.0.1]', '[64:ff9b::7f00:1]',
    '[fe80::1]', '[FE80::1]', '[febf::1]', '[fe80:0:0:0:0:0:0:1]'
  ]
  for (const host of hosts) {
    for (const authority of [host, `${host}:8443`]) {
      const { fetch } = web({ [`${issuer}/.well-known/oauth-authorization-server`]: { issuer, jwks_uri: `https://${authority}/jwks` } })
      await t.rejects(findIssuerMetadata(issuer, keys, fetch, limits), { message: /jwks_uri on a local address/ }, authority)
    }
  }
  for (const local of ['http://localhost:9000', 'http://127.0.0.1:9000', 'https://[::1]:9000']) {
    const { fetch } = web({ [`${local}/.well-known/oauth-authorization-server`]: { issuer: local, jwks_uri: `${local}/jwks` } })
    await t.resolves(findIssuerMetadata(local, keys, fetch, limits), `${local} may have its keys beside it`)
  }
})

test('endpoints of an issuer are https, unless the issuer itself was allowed to be http [B9]', async t => {
  for (const [issuer, reason] of [['http://keycloak:8080/realms/a', null], ['https://as.example/realms/a', /jwks_uri that must be https/]] as const) {
    const { origin, pathname } = new URL(issuer)
    const { fetch } = web({ [`${origin}/.well-known/oauth-authorization-server${pathname}`]: { issuer, jwks_uri: 'http://keycloak:8080/keys' } })
    const found = findIssuerMetadata(issuer, keys, fetch, limits)
    if (reason === null) t.equal((await found).value.jwksUri, 'http://keycloak:8080/keys')
    else await t.rejects(found, { message: reason })
  }
})

test('a place that fails does not keep the next from being asked, and the error tells of each', async t => {
  const issuer = 'https://as.example/t1'
  const answers: Response[] = [new Response('', { status: 500 }), new Response('<html>')]
  const fetch: Fetch = async url => {
    const answer = answers.shift()
    if (answer === undefined) throw new Error(`${url} is down`)
    return answer
  }
  await t.rejects(findIssuerMetadata(issuer, keys, fetch, limits), {
    name: 'IssuerMetadataError',
    message: 'no usable metadata of https://as.example/t1: ' +
      'https://as.example/.well-known/oauth-authorization-server/t1: status (500); ' +
      'https://as.example/.well-known/openid-configuration/t1: not_json (200): Unexpected token \'<\', "<html>" is not valid JSON; ' +
      'https://as.example/t1/.well-known/openid-configuration: network: https://as.example/t1/.well-known/openid-configuration is down'
  })
})

test('how long it may be kept', async t => {
  const issuer = 'https://as.example'
  const fetch: Fetch = async () => Response.json({ issuer, jwks_uri: 'https://keys.example' }, { headers: { 'cache-control': 'max-age=120' } })
  t.equal((await findIssuerMetadata(issuer, keys, fetch, limits)).maxAgeSeconds, 120)
})

test('only what is needed is looked at', async t => {
  const issuer = 'https://as.example'
  const jwks = 'https://keys.example/jwks'
  const ask = 'https://as.example/introspect'
  const alias = 'https://mtls.as.example/introspect'
  const both = { issuer, jwksUri: jwks, introspectionEndpoint: ask }
  const aliases = { mtls_endpoint_aliases: { introspection_endpoint: alias } }
  const cases: Array<[document: Record<string, unknown>, needs: MetadataNeeds, found: object | string]> = [
    [{ jwks_uri: jwks, introspection_endpoint: ask }, { keys: true, introspection: 'plain' }, both],
    [{ jwks_uri: jwks, introspection_endpoint: ask }, { keys: true, introspection: 'none' }, { ...both, introspectionEndpoint: null }],
    [{ jwks_uri: jwks, introspection_endpoint: ask }, { keys: false, introspection: 'plain' }, { ...both, jwksUri: null }],
    [{ introspection_endpoint: ask }, { keys: false, introspection: 'plain' }, { ...both, jwksUri: null }],
    [{ introspection_endpoint: ask, jwks_uri: 'nonsense' }, { keys: false, introspection: 'plain' }, { ...both, jwksUri: null }],
    [{ introspection_endpoint: ask }, { keys: true, introspection: 'plain' }, 'has no jwks_uri'],
    [{ jwks_uri: jwks }, { keys: true, introspection: 'plain' }, 'has no introspection_endpoint'],
    [{ jwks_uri: jwks, introspection_endpoint: null }, { keys: false, introspection: 'plain' }, 'has no introspection_endpoint'],
    [{ introspection_endpoint: 'http://as.example/i' }, { keys: false, introspection: 'plain' },
      'has a introspection_endpoint that must be https; http is allowed for loopback hosts only'],
    [{ introspection_endpoint: 'https://169.254.169.254/' }, { keys: false, introspection: 'plain' }, 'has a introspection_endpoint on a local address'],
    [{ introspection_endpoint: ask, ...aliases }, { keys: false, introspection: 'plain' }, { ...both, jwksUri: null }],
    [{ introspection_endpoint: ask, ...aliases }, { keys: false, introspection: 'mtls' }, { ...both, jwksUri: null, introspectionEndpoint: alias }],
    [{ introspection_endpoint: ask }, { keys: false, introspection: 'mtls' }, { ...both, jwksUri: null }],
    [{ introspection_endpoint: ask, mtls_endpoint_aliases: null }, { keys: false, introspection: 'mtls' }, { ...both, jwksUri: null }],
    [{ introspection_endpoint: ask, mtls_endpoint_aliases: { introspection_endpoint: 'http://x.example' } }, { keys: false, introspection: 'mtls' },
      'has a introspection_endpoint that must be https; http is allowed for loopback hosts only']
  ]
  for (const [document, needs, found] of cases) {
    const { fetch } = web({ [`${issuer}/.well-known/oauth-authorization-server`]: { issuer, ...document } })
    const title = JSON.stringify([document, needs])
    if (typeof found === 'string') {
      await t.rejects(findIssuerMetadata(issuer, needs, fetch, limits), { message: new RegExp(`oauth-authorization-server: ${found};`) }, title)
    } else {
      t.strictSame((await findIssuerMetadata(issuer, needs, fetch, limits)).value, found, title)
    }
  }
  const { fetch, asked } = web({
    [`${issuer}/.well-known/oauth-authorization-server`]: { issuer, jwks_uri: jwks },
    [`${issuer}/.well-known/openid-configuration`]: { issuer, introspection_endpoint: ask }
  })
  t.match(await findIssuerMetadata(issuer, { keys: false, introspection: 'plain' }, fetch, limits), { value: { introspectionEndpoint: ask } })
  t.equal(asked.length, 2, 'a document without what is needed is none')
})
