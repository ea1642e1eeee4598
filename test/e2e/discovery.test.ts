import { decodeJwt } from 'jose'
import { test } from 'tap'
import { startExample } from '../support/example-server.ts'
import { obtainToken } from '../support/obtain-token.ts'

interface ResourceDocument {
  resource: string
  authorization_servers: string[]
  scopes_supported: string[]
  bearer_methods_supported: string[]
}

interface ServerDocument {
  issuer: string
  scopes_supported: string[]
}

async function json<T> (url: string): Promise<T> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${response.status} at ${url}`)
  return await response.json() as T
}

const paths = ['/mcp', '/api']

for (const path of paths) {
  test(`what the 401 of ${path} points at is the document of that resource, for everybody (S1, S4, H31)`, async t => {
    const { origin, issuer } = await startExample(t)
    const refused = await fetch(path === '/api' ? `${origin}/api/projects` : `${origin}${path}`)
    const pointer = /resource_metadata="([^"]+)"/.exec(refused.headers.get('www-authenticate')!)![1]!
    t.equal(pointer, `${origin}/.well-known/oauth-protected-resource${path}`)

    const response = await fetch(pointer)
    t.equal(response.status, 200)
    t.match(response.headers.get('content-type'), 'application/json')
    t.equal(response.headers.get('access-control-allow-origin'), '*')
    const document = await response.json() as ResourceDocument
    t.equal(document.resource, `${origin}${path}`)
    t.strictSame(document.authorization_servers, [issuer])
    t.strictSame(document.bearer_methods_supported, ['header'])
  })

  test(`the first authorization server of ${path} is the issuer of the document that is found there (S2)`, async t => {
    const { origin } = await startExample(t)
    const { authorization_servers: [first] } =
      await json<ResourceDocument>(`${origin}/.well-known/oauth-protected-resource${path}`)
    for (const suffix of ['oauth-authorization-server', 'openid-configuration']) {
      t.equal((await json<ServerDocument>(`${first}/.well-known/${suffix}`)).issuer, first)
    }
  })

  test(`every scope that ${path} advertises is granted when it is asked for (S3)`, async t => {
    const { origin, issuer } = await startExample(t)
    const { resource, scopes_supported: advertised } =
      await json<ResourceDocument>(`${origin}/.well-known/oauth-protected-resource${path}`)
    const server = await json<ServerDocument>(`${issuer}/.well-known/oauth-authorization-server`)
    t.ok(advertised.length > 0)
    t.notOk(advertised.includes('*'))
    for (const scope of advertised) {
      t.ok(server.scopes_supported.includes(scope))
      const { accessToken } = await obtainToken(resource, scope)
      t.equal(decodeJwt(accessToken).scope, scope)
    }
  })
}

test('a suffix that is no resource is not found, and neither is the root: there are two resources (S4)', async t => {
  const { origin } = await startExample(t)
  for (const suffix of ['', '/', '/nothing', '/mcp/', '/api/projects']) {
    const response = await fetch(`${origin}/.well-known/oauth-protected-resource${suffix}`)
    t.equal(response.status, 404, suffix)
    await response.body?.cancel()
  }
})

test('what needs no token gets none: health, and URLs that nobody serves', async t => {
  const { origin } = await startExample(t)
  t.equal((await fetch(`${origin}/api/health`)).status, 200)
  const missing = await fetch(`${origin}/nothing`)
  t.equal(missing.status, 404)
  t.equal(missing.headers.get('www-authenticate'), null)
})
