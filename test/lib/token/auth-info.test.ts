import { test } from 'tap'
import type { AccessToken } from '../../../lib/token/access-token.ts'
import { toAuthInfo } from '../../../lib/token/auth-info.ts'

const accessToken: AccessToken = {
  issuer: 'https://login.example.com',
  subject: 'user-1',
  principalType: 'user',
  clientId: 'client-1',
  audience: ['https://api.example.com/mcp'],
  scopes: Object.freeze(['projects:read']),
  actor: null,
  tokenId: 'token-1',
  expiresAt: 1_800_000_300,
  issuedAt: 1_800_000_000,
  roles: [],
  organizations: null,
  teams: null,
  sessionId: null,
  grantId: null,
  authenticationContext: null,
  authenticatedAt: null,
  authorizationDetails: [],
  confirmation: null,
  claims: Object.freeze({ sub: 'user-1', plan: 'pro' })
}
const acceptedAt = {
  resource: 'https://api.example.com/mcp',
  metadataUrl: 'https://api.example.com/.well-known/oauth-protected-resource/mcp'
}

test('what a tool handler learns of a verified token (F70)', async t => {
  t.strictSame(toAuthInfo(accessToken, acceptedAt), {
    token: '',
    clientId: 'client-1',
    scopes: ['projects:read'],
    expiresAt: 1_800_000_300,
    resource: new URL('https://api.example.com/mcp'),
    resourceMetadataUrl: 'https://api.example.com/.well-known/oauth-protected-resource/mcp',
    extra: {
      issuer: 'https://login.example.com',
      subject: 'user-1',
      principalType: 'user',
      actor: null,
      tokenId: 'token-1',
      tokenType: 'Bearer',
      confirmation: null,
      claims: { sub: 'user-1', plan: 'pro' }
    }
  })
})

test('a token without an expiry has no expiresAt', async t => {
  t.notOk('expiresAt' in toAuthInfo({ ...accessToken, expiresAt: null }, acceptedAt))
})

test('who acts for the user is known to the tool', async t => {
  const actor = { issuer: 'https://login.example.com', subject: 'staff-1' }
  t.strictSame(toAuthInfo({ ...accessToken, actor }, acceptedAt).extra.actor, actor)
})

test('whether the token is bound, and to what, is known to the tool [F35, F39]', async t => {
  for (const [confirmation, tokenType] of [
    [{ keyThumbprint: 'key', certificateThumbprint: null }, 'DPoP'], [{ keyThumbprint: null, certificateThumbprint: 'certificate' }, 'Bearer']
  ] as const) t.match(toAuthInfo({ ...accessToken, confirmation }, acceptedAt).extra, { tokenType, confirmation })
})

test('a token that names no client', async t => {
  t.equal(toAuthInfo({ ...accessToken, clientId: null }, acceptedAt).clientId, '')
})

test('the scopes are a list of the tool\'s own: the token is shared with other requests', async t => {
  toAuthInfo(accessToken, acceptedAt).scopes.push('projects:write')
  t.strictSame(accessToken.scopes, ['projects:read'])
})
