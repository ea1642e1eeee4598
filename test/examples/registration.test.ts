import { test } from 'tap'
import { isAllowedRedirectUri } from '../../examples/demo/clients.ts'
import { startExample } from '../support/example-server.ts'

const cases: ReadonlyArray<readonly [uri: unknown, allowed: boolean]> = [
  ['https://client.example/callback', true], ['http://localhost:33418/callback', true], ['http://127.0.0.1/callback', true],
  ['http://[::1]:9/callback', true], ['com.example.app:/callback', true],
  ['http://evil.example/cb', false], ['http://127.0.0.1.evil.example/cb', false], ['http://localhost.evil.example/cb', false],
  ['javascript:alert(1)', false], ['data:text/html,x', false], ['no uri', false], [undefined, false], [7, false]
]
for (const [uri, allowed] of cases) {
  test(`MCP Communication Security: a client ${allowed ? 'may' : 'may not'} register the redirect URI ${String(uri)} [D11]`, t => {
    t.equal(isAllowedRedirectUri(uri), allowed)
    t.end()
  })
}

test('RFC 7591 3.2.2: a registration with a redirect URI that is neither https nor loopback is refused [D11]', async t => {
  const { issuer } = await startExample(t)
  const register = async (redirectUri: string): Promise<{ status: number, body: unknown }> => {
    const response = await fetch(`${issuer}/reg`, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ redirect_uris: [redirectUri], token_endpoint_auth_method: 'none' })
    })
    return { status: response.status, body: await response.json() }
  }
  t.match(await register('http://evil.example/cb'), { status: 400, body: { error: 'invalid_redirect_uri' } })
  t.match(await register('https://client.example/cb'), { status: 201 })
})
