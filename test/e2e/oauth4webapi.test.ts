import * as oauth from 'oauth4webapi'
import type { Test } from 'tap'
import { test } from 'tap'
import { startExample } from '../support/example-server.ts'
import { insecure, obtainToken } from '../support/obtain-token.ts'

async function projects (t: Test, accessToken: string, apiUrl: string): Promise<void> {
  const response = await oauth.protectedResourceRequest(
    accessToken, 'GET', new URL(`${apiUrl}/projects`), undefined, undefined, insecure)
  t.equal(response.status, 200)
  t.same(await response.json(), [{ name: 'Analytical Engine' }])
}

test('oauth4webapi: from the identifier of the API to its answer', async t => {
  const { apiUrl } = await startExample(t)
  const { accessToken } = await obtainToken(apiUrl, 'projects:read')
  await projects(t, accessToken, apiUrl)
})

test('oauth4webapi: a refreshed token serves as well', async t => {
  const { apiUrl } = await startExample(t)
  const { refreshToken, as, client } = await obtainToken(apiUrl, 'projects:read')
  const response = await oauth.refreshTokenGrantRequest(as, client, oauth.None(), refreshToken, insecure)
  const { access_token: accessToken } = await oauth.processRefreshTokenResponse(as, client, response)
  await projects(t, accessToken, apiUrl)
})

test('oauth4webapi: it reads the challenge, and the URL in it leads to the document of the resource (H31)', async t => {
  const { apiUrl, origin } = await startExample(t)
  const ask = async (headers: (given: Record<string, string>) => Record<string, string>): Promise<oauth.WWWAuthenticateChallengeParameters> => {
    const error = await oauth.protectedResourceRequest(
      'not.a.token', 'GET', new URL(`${apiUrl}/projects`), undefined, undefined,
      { ...insecure, [oauth.customFetch]: async (url, init) => await fetch(url, { headers: headers(init.headers) }) }
    ).catch((cause: unknown) => cause)
    if (!(error instanceof oauth.WWWAuthenticateChallengeError)) throw new Error('no challenge that can be read')
    t.equal(error.status, 401)
    t.strictSame(error.cause.map(({ scheme }) => scheme), ['bearer', 'dpop'])
    t.equal(error.cause[0]!.scheme, 'bearer')
    return error.cause[0]!.parameters
  }
  const pointer = `${origin}/.well-known/oauth-protected-resource/api`

  t.strictSame({ ...await ask(({ authorization: _, ...others }) => others) }, { resource_metadata: pointer, scope: 'projects:read' })
  t.match(await ask(headers => headers), { resource_metadata: pointer, scope: 'projects:read', error: 'invalid_token' })

  const { resource } = await oauth.processResourceDiscoveryResponse(new URL(apiUrl), await fetch(pointer))
  t.equal(resource, apiUrl)
})

test('who may write may read, and not the other way round (S7)', async t => {
  const { apiUrl } = await startExample(t)
  const create = async (accessToken: string): Promise<Response> => await oauth.protectedResourceRequest(
    accessToken, 'POST', new URL(`${apiUrl}/projects`), new Headers({ 'content-type': 'application/json' }),
    JSON.stringify({ name: 'Notes' }), insecure)

  const writer = await obtainToken(apiUrl, 'projects:write')
  await projects(t, writer.accessToken, apiUrl)
  t.equal((await create(writer.accessToken)).status, 201)

  const reader = await obtainToken(apiUrl, 'projects:read')
  const error = await create(reader.accessToken).catch((cause: unknown) => cause)
  if (!(error instanceof oauth.WWWAuthenticateChallengeError)) return t.fail('no challenge that can be read')
  t.equal(error.status, 403)
  t.match(error.cause[0]!.parameters, { error: 'insufficient_scope', scope: 'projects:write' })
})

test('a token for one resource is refused by the other', async t => {
  const { apiUrl, mcpUrl } = await startExample(t)
  const { accessToken } = await obtainToken(mcpUrl)
  const response = await fetch(`${apiUrl}/projects`, { headers: { authorization: `Bearer ${accessToken}` } })
  t.equal(response.status, 401)
  t.match(response.headers.get('www-authenticate'), 'error="invalid_token"')
})

test('an authorization request without a scope is for the scopes that the resource starts with', async t => {
  const { mcpUrl } = await startExample(t)
  const { accessToken } = await obtainToken(mcpUrl)
  const claims = JSON.parse(Buffer.from(accessToken.split('.')[1]!, 'base64url').toString()) as { scope: string }
  t.equal(claims.scope, 'projects:read')
})
