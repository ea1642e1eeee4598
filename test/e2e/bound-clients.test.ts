import type { CallToolResult, OAuthDiscoveryState, StoredOAuthClientInformation, StoredOAuthTokens } from '@modelcontextprotocol/client'
import { Client, DpopSession, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client'
import { decodeJwt } from 'jose'
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'
import { test } from 'tap'
import { connect, createLoopbackRedirect } from '../../plugins/entry-points/client.ts'
import { startExample } from '../support/example-server.ts'
import { createMcpClientStorage, redirectUrl } from '../support/mcp-client-storage.ts'
import { insecure, obtainToken } from '../support/obtain-token.ts'
import { createUserAgent } from '../support/user-agent.ts'

/** A `fetch` that notes which responses demand a nonce, by the path of the request. */
function watch (): { fetch: typeof fetch, demands: string[], proofs: string[] } {
  const demands: string[] = []
  const proofs: string[] = []
  return {
    demands,
    proofs,
    async fetch (input, init) {
      const request = new Request(input, init)
      const proof = request.headers.get('dpop')
      if (proof !== null) proofs.push(proof)
      const response = await fetch(request)
      const text = await response.clone().text()
      const isDemand = response.headers.has('dpop-nonce') && (text.includes('use_dpop_nonce') || response.headers.get('www-authenticate')?.includes('use_dpop_nonce') === true)
      if (isDemand) demands.push(new URL(request.url).pathname)
      return response
    }
  }
}

test('tokens that are bound to a key: real clients at the example server and oidc-provider, with nonces of both', async t => {
  const { mcpUrl, apiUrl, origin, issuer } = await startExample(t)
  const metadata = { client_name: 'Bound client', redirect_uris: [redirectUrl], token_endpoint_auth_method: 'none', grant_types: ['authorization_code', 'refresh_token'] }
  const jktOf = (token: string): string => (decodeJwt(token).cnf as { jkt: string }).jkt
  const asBearer = async (url: string, token: string): Promise<number> => (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status

  await t.test('RFC 9449: oauth4webapi, code, API, refresh and an opaque token [R9449-12, R9449-21, R9449-28, R9449-34]', async t => {
    const as = await oauth.processDiscoveryResponse(new URL(issuer), await oauth.discoveryRequest(new URL(issuer), { algorithm: 'oauth2', ...insecure }))
    t.ok(as.dpop_signing_alg_values_supported!.includes('ES256'))
    const client = await oauth.processDynamicClientRegistrationResponse(await oauth.dynamicClientRegistrationRequest(as, metadata, insecure))
    const keys = await oauth.generateKeyPair('ES256')
    const { demands, proofs, fetch: watched } = watch()
    const DPoP = oauth.DPoP(client as oauth.Client, keys)
    const options = { ...insecure, DPoP, [oauth.customFetch]: watched as never }
    /** Once more, with the nonce that the server demands. */
    const withNonce = async <T>(send: () => Promise<T>): Promise<T> => await send().catch(async (error: unknown) => {
      if (!oauth.isDPoPNonceError(error)) throw error
      return await send()
    })
    const tokenFor = async (resource: string): Promise<oauth.TokenEndpointResponse> => {
      const verifier = oauth.generateRandomCodeVerifier()
      const url = new URL(as.authorization_endpoint!)
      url.search = new URLSearchParams({
        client_id: client.client_id, redirect_uri: redirectUrl, response_type: 'code', code_challenge_method: 'S256', resource, scope: 'projects:read',
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier), dpop_jkt: await DPoP.calculateThumbprint()
      }).toString()
      const parameters = oauth.validateAuthResponse(as, client, await createUserAgent().authorize(url), oauth.expectNoState)
      return await withNonce(async () => await oauth.processAuthorizationCodeResponse(as, client, await oauth.authorizationCodeGrantRequest(
        as, client, oauth.None(), parameters, redirectUrl, verifier, { ...options, additionalParameters: { resource } })))
    }
    const read = async (token: string, url: string): Promise<unknown> =>
      await (await withNonce(async () => await oauth.protectedResourceRequest(token, 'GET', new URL(url), undefined, undefined, options))).json()

    const first = await tokenFor(apiUrl)
    t.equal(first.token_type, 'dpop')
    t.equal(jktOf(first.access_token), await DPoP.calculateThumbprint())
    t.same(await read(first.access_token, `${apiUrl}/projects?page=1`), [{ name: 'Analytical Engine' }])
    t.strictSame(demands, ['/token', '/api/projects'], 'a demand of each server, and no more')
    t.same(await read(first.access_token, `${apiUrl}/projects`), [{ name: 'Analytical Engine' }])
    t.equal(demands.length, 2, 'the nonces are kept')
    t.equal(await asBearer(`${apiUrl}/projects`, first.access_token), 401, 'as a thief would use it')

    const refreshed = await withNonce(async () => await oauth.processRefreshTokenResponse(as, client, await oauth.refreshTokenGrantRequest(as, client, oauth.None(), first.refresh_token!, options)))
    t.same(await read(refreshed.access_token, `${apiUrl}/projects`), [{ name: 'Analytical Engine' }])

    const { access_token: opaque } = await tokenFor(`${origin}/reports`)
    t.same(await read(opaque, `${origin}/reports`), { projects: 1 })
    t.equal(await asBearer(`${origin}/reports`, opaque), 401, 'the binding comes from introspection')
    t.equal(new Set(proofs).size, proofs.length, 'no proof was sent twice')
  })

  await t.test('RFC 9449: openid-client, from registration to the API [R9449-28]', async t => {
    const { demands, fetch: watched } = watch()
    const config = await openid.dynamicClientRegistration(new URL(issuer), metadata, openid.None(), { execute: [openid.allowInsecureRequests], algorithm: 'oauth2' })
    config[openid.customFetch] = watched as never
    const DPoP = openid.getDPoPHandle(config, await openid.randomDPoPKeyPair())
    const pkceCodeVerifier = openid.randomPKCECodeVerifier()
    const url = openid.buildAuthorizationUrl(config, {
      redirect_uri: redirectUrl, scope: 'projects:read', resource: apiUrl, code_challenge_method: 'S256',
      code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier), dpop_jkt: await DPoP.calculateThumbprint()
    })
    const tokens = await openid.authorizationCodeGrant(config, await createUserAgent().authorize(url), { pkceCodeVerifier }, { resource: apiUrl }, { DPoP })
    t.equal(tokens.token_type, 'dpop')
    const ask = async (): Promise<unknown> =>
      await (await openid.fetchProtectedResource(config, tokens.access_token, new URL(`${apiUrl}/projects`), 'GET', null, new Headers(), { DPoP })).json()
    t.same([await ask(), await ask()], [[{ name: 'Analytical Engine' }], [{ name: 'Analytical Engine' }]])
    t.strictSame(demands, ['/token', '/api/projects'])
    const again = await openid.refreshTokenGrant(config, tokens.refresh_token!, undefined, { DPoP })
    t.equal(jktOf(again.access_token), await DPoP.calculateThumbprint())
  })

  await t.test('MCP, DPoP extension: the client of SDK 2 calls a tool, which learns of the binding [MCPD-01, F35]', async t => {
    const { demands, proofs, fetch: watched } = watch()
    const session = await DpopSession.create()
    const storage = Object.assign(createMcpClientStorage<StoredOAuthClientInformation, StoredOAuthTokens, OAuthDiscoveryState>(), { dpop: () => session })
    const start = async (): Promise<Client> => {
      const client = new Client({ name: 'bound', version: '1.0.0' })
      const transport = new StreamableHTTPClientTransport(new URL(mcpUrl), { authProvider: storage, fetch: watched })
      try {
        await client.connect(transport)
        return client
      } catch (error) {
        if (!UnauthorizedError.isInstance(error)) throw error
        await transport.finishAuth((await createUserAgent().authorize(storage.authorizationUrl!)).searchParams)
        await client.close()
        return await start()
      }
    }
    const client = await start()
    t.teardown(() => client.close())
    const tokens = storage.tokens()!
    t.equal(tokens.token_type?.toLowerCase(), 'dpop')
    t.equal(jktOf(tokens.access_token), session.thumbprint)
    const { content: [first] } = await client.callTool({ name: 'whoami', arguments: {} }) as CallToolResult
    t.match(JSON.parse((first as { text: string }).text), { subject: 'ada', tokenType: 'DPoP' })
    t.strictSame(new Set(demands), new Set(['/token', '/mcp']))
    t.equal(new Set(proofs).size, proofs.length)
    t.equal(await asBearer(mcpUrl, tokens.access_token), 401)
  })

  await t.test('RFC 9449: our own client binds its tokens, also after a step-up and a refresh [F68, R9449-32, R9449-36]', async t => {
    const { demands, fetch: watched } = watch()
    const browser = createLoopbackRedirect({ async open (page) { await (await fetch(await createUserAgent().authorize(page))).text() } })
    const connection = await connect({ url: apiUrl, browser, proofOfPossession: 'always', fetch: watched, clientMetadata: { client_name: 'Desk' } })
    t.teardown(() => connection.close())
    t.same(await (await connection.fetch(`${apiUrl}/projects`)).json(), [{ name: 'Analytical Engine' }])
    const before = await connection.session.token()
    t.equal(before.tokenType, 'DPoP')
    const created = await connection.fetch(`${apiUrl}/projects`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"name":"Bound"}' })
    t.equal(created.status, 201)
    const after = await connection.session.refresh((await connection.session.token()).accessToken)
    t.equal(jktOf(after.accessToken), jktOf(before.accessToken), 'one key')
    t.equal((await connection.fetch(`${apiUrl}/projects`)).status, 200)
    t.ok(demands.includes('/token') && demands.includes('/api/projects'))
    t.equal(await asBearer(`${apiUrl}/projects`, after.accessToken), 401)
  })

  await t.test('a client that knows no proofs still gets and uses bearer tokens', async t => {
    const { accessToken } = await obtainToken(apiUrl, 'projects:read')
    t.equal(await asBearer(`${apiUrl}/projects`, accessToken), 200)
  })
})
