import { test } from 'tap'
import { resolveConfig } from '../../lib/config/resolve.ts'
import { optionsFor } from '../support/app.ts'
import { createFakeIssuer } from '../support/issuer.ts'
import { accepted, answerOf, createTestServer, invalidToken, unavailable } from '../support/server.ts'

test('what an issuer is (R8414-01)', async t => {
  const issuer = await createFakeIssuer()
  const cases: Array<[string, boolean]> = [
    ['https://as.example', true], ['https://as.example/t1', true], ['http://localhost:9000', true],
    ['http://as.example', false], ['https://as.example?x', false], ['https://as.example/?', false], ['https://as.example#x', false],
    ['https://as.example/#', false], ['as.example', false], ['ftp://as.example', false], ['https://user@as.example', false], ['', false]
  ]
  for (const [identifier, good] of cases) {
    const resolve = (): unknown => resolveConfig(optionsFor(issuer, { authorizationServers: [identifier] }))
    if (good) t.doesNotThrow(resolve, identifier)
    else t.throws(resolve, /authorizationServers/, identifier)
  }
})

test('where its metadata is (R8414-02, R8414-04, R8414-05)', async t => {
  const cases: Array<[issuer: string, urls: string[]]> = [
    ['https://as.example', [
      'https://as.example/.well-known/oauth-authorization-server',
      'https://as.example/.well-known/openid-configuration'
    ]],
    ['https://as.example/', [
      'https://as.example/.well-known/oauth-authorization-server',
      'https://as.example/.well-known/openid-configuration'
    ]],
    ['https://as.example/t1/', [
      'https://as.example/.well-known/oauth-authorization-server/t1',
      'https://as.example/.well-known/openid-configuration/t1',
      'https://as.example/t1/.well-known/openid-configuration'
    ]]
  ]
  for (const [identifier, urls] of cases) {
    for (const [i, url] of urls.entries()) {
      const { issuer, get } = await createTestServer(t, { issuer: { issuer: identifier } })
      for (const one of urls) issuer.answer(one, () => new Response('', { status: 404 }))
      issuer.answer(url, () => Response.json({ issuer: identifier, jwks_uri: issuer.jwksUri }))
      t.strictSame(answerOf(await get(await issuer.token())), accepted, url)
      t.strictSame(issuer.requests, [...urls.slice(0, i + 1), issuer.jwksUri])
    }
    const { issuer, get } = await createTestServer(t, { issuer: { issuer: identifier } })
    for (const one of urls) issuer.answer(one, () => new Response('', { status: 404 }))
    t.strictSame(answerOf(await get(await issuer.token())), unavailable)
    t.strictSame(issuer.requests, urls, 'and nowhere else')
  }
})

test('metadata of another issuer is not used (R8414-03)', async t => {
  for (const named of ['https://login.example.com', 'https://login.example.com/', 'https://LOGIN.example.com', 'https://evil.example', undefined, 7]) {
    const { issuer, get, handled } = await createTestServer(t)
    issuer.answer(issuer.metadataUrl, () => Response.json({ issuer: named, jwks_uri: issuer.jwksUri }))
    const good = named === issuer.issuer
    t.strictSame(answerOf(await get(await issuer.token())), good ? accepted : unavailable, String(named))
    t.equal(issuer.requests.includes(issuer.jwksUri), good)
    t.equal(handled.length, good ? 1 : 0)
  }
})

test('only what it should be is read (R8414-06)', async t => {
  const cases: Array<[string, (url: string, jwksUri: string) => Response, boolean]> = [
    ['JSON', (issuer, jwksUri) => Response.json({ issuer, jwks_uri: jwksUri }), true],
    ['JSON as text', (issuer, jwksUri) => new Response(JSON.stringify({ issuer, jwks_uri: jwksUri })), true],
    ['201', (issuer, jwksUri) => Response.json({ issuer, jwks_uri: jwksUri }, { status: 201 }), false],
    ['a redirect', (issuer, jwksUri) => Response.json({ issuer, jwks_uri: jwksUri }, { status: 302, headers: { location: 'https://evil.example' } }), false],
    ['a web page', () => new Response('<html>'), false],
    ['ten megabytes', (issuer, jwksUri) => Response.json({ issuer, jwks_uri: jwksUri, x: 'x'.repeat(10_000_000) }), false]
  ]
  for (const [title, answer, good] of cases) {
    const { issuer, get } = await createTestServer(t)
    issuer.answer(issuer.metadataUrl, () => answer(issuer.issuer, issuer.jwksUri))
    t.strictSame(answerOf(await get(await issuer.token())), good ? accepted : unavailable, title)
    t.notOk(issuer.requests.some(url => url.includes('evil')))
  }
})

test('an issuer that nobody trusts is not asked (R8414-07)', async t => {
  const { issuer, get } = await createTestServer(t)
  for (const iss of ['https://evil.example', 'https://login.example.com.evil.example', 'http://169.254.169.254/latest']) {
    t.strictSame(answerOf(await get(await issuer.token({ iss }))), invalidToken, iss)
  }
  t.strictSame(issuer.requests, [])
  t.strictSame(answerOf(await get(await issuer.token())), accepted)
  t.strictSame(issuer.requests, [issuer.metadataUrl, issuer.jwksUri])
})

test('the configuration wins over the metadata (R8414-09)', async t => {
  const jwksUri = 'https://keys.example/jwks'
  const { issuer, get } = await createTestServer(t, { rule: { jwksUri } })
  issuer.answer(jwksUri, () => Response.json({ keys: issuer.keys.map(key => key.publicJwk) }))
  t.strictSame(answerOf(await get(await issuer.token())), accepted)
  t.strictSame(issuer.requests, [jwksUri])
})

test('a move of the keys is noticed (R8414-10)', async t => {
  const movedTo = 'https://keys.example/jwks'
  const { clock, issuer, get } = await createTestServer(t)
  t.strictSame(answerOf(await get(await issuer.token())), accepted)
  await issuer.rotate()
  issuer.answer(movedTo, () => Response.json({ keys: issuer.keys.map(key => key.publicJwk) }))
  issuer.answer(issuer.jwksUri, () => Response.json({ keys: [] }))
  issuer.answer(issuer.metadataUrl, () => Response.json({ issuer: issuer.issuer, jwks_uri: movedTo }))
  t.strictSame(answerOf(await get(await issuer.token())), invalidToken, 'not at once, as the old place still answers')
  clock.advance(3600)
  // The metadata that is due is served once more while it is renewed.
  await get(await issuer.token())
  clock.advance(30)
  t.strictSame(answerOf(await get(await issuer.token())), accepted, 'but when the metadata is due')
})
