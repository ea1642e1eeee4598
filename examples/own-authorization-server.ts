/**
 * An authorization server of your own (oidc-provider, inside Fastify) with the guard on impersonated grants: a member of staff who
 * acts for a customer cannot connect a client to an organization that has not approved AI processing.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import Fastify from 'fastify'
import * as oidc from 'oidc-provider'
import type { Impersonation } from 'fastify-oauth-resource-server/impersonation'
import { createMemoryOrganizationDirectory, impersonationGuard } from 'fastify-oauth-resource-server/impersonation'
import { createOidcProviderGuard } from 'fastify-oauth-resource-server/oidc-provider'

const port = Number(process.env.PORT ?? 3001)
const issuer = `http://localhost:${port}`
const resource = 'https://api.example.com'

const directory = createMemoryOrganizationDirectory({
  organizations: [{ id: 'globex', aiApproved: true }, { id: 'acme' }],
  memberships: [{ customer: 'ann', organization: 'globex' }, { customer: 'bob', organization: 'acme' }]
})

// Your own sessions. Here the cookie says who is signed in (`session=ann`), or who acts for whom (`session=sam-as-bob`).
function sessionOf ({ headers }: IncomingMessage): { account: string, impersonation: Impersonation | null } | null {
  const [, staff, account] = /\bsession=(?:(\w+)-as-)?(\w+)/.exec(headers.cookie ?? '') ?? []
  if (account === undefined) return null
  return { account, impersonation: staff === undefined ? null : { staff, customer: account } }
}

export const app = Fastify()

await app.register(impersonationGuard, { directory, impersonationOf: request => sessionOf(request.raw)?.impersonation ?? null })

const guard = createOidcProviderGuard({
  oidc,
  guard: app.impersonationGuard,
  accountOf: async request => sessionOf(request)?.account ?? null,
  impersonationOf: async request => sessionOf(request)?.impersonation ?? null,
  onGrantSaved: async () => {},   // store the grant with its member of staff, to find it when the impersonation ends
  onGrantRevoked: async () => {}, // revoke the access tokens of the grant in the store that your resource servers read
  findAccount: async (_ctx, accountId) => ({ accountId, claims: async () => ({ sub: accountId }) }),
  issueRefreshToken: async () => true,
  accessTokenSeconds: 900
})

const { default: Provider } = oidc
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const provider = new Provider(issuer, {
  ...guard.configuration,
  clients: [{ client_id: 'desk', token_endpoint_auth_method: 'none', redirect_uris: ['https://desk.example.com/callback'] }],
  cookies: { keys: [randomBytes(32).toString('base64url')] },
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid: 'key-1' }] },
  clientDefaults: { id_token_signed_response_alg: 'ES256', grant_types: ['authorization_code'] },
  enabledJWA: { idTokenSigningAlgValues: ['ES256'], userinfoSigningAlgValues: ['ES256'], authorizationSigningAlgValues: ['ES256'] },
  scopes: ['projects:read'],
  features: {
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: async () => resource,
      useGrantedResource: async () => true,
      getResourceServerInfo: async () => ({ scope: 'projects:read', audience: resource, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } })
    }
  },
  ttl: { AccessToken: guard.accessTokenTtl, AuthorizationCode: 60, Grant: 3600, IdToken: 900, Interaction: 600, Session: 3600 },
  interactions: { policy: guard.policy, url: (_ctx, { uid }) => `/interaction/${uid}` }
})
guard.attach(provider)

// Sign-in and consent. A real server shows a page for each; this one answers both at once.
app.get('/interaction/:uid', async (request, reply) => {
  const interaction = await provider.interactionDetails(request.raw, reply.raw)
  const answer = async (): Promise<oidc.InteractionResult> => {
    const account = sessionOf(request.raw)?.account
    if (account === undefined) return { error: 'login_required', error_description: 'The user is not signed in' }
    if (interaction.prompt.name === 'login') return { login: { accountId: account } }
    const decision = await request.checkNewGrant({ step: 'consent', access: { level: 'all' } })
    if (!decision.allowed) return { error: 'access_denied', error_description: 'The organization has not approved AI processing' }
    return { consent: { grantId: await guard.saveGrant(interaction, { account, decision }) } }
  }
  return reply.redirect(await provider.interactionResult(request.raw, reply.raw, await answer(), { mergeWithLastSubmission: true }), 303)
})

const handle = provider.callback()
await app.register(async scope => {
  scope.removeAllContentTypeParsers() // oidc-provider reads bodies itself
  scope.addContentTypeParser('*', (_request, _payload, done) => { done(null) })
  scope.all('/*', async (request, reply) => {
    reply.hijack()
    await handle(request.raw, reply.raw)
  })
})

await app.listen({ port })

console.log(`
Open ${issuer}/auth?client_id=desk&response_type=code&scope=projects:read&redirect_uri=https://desk.example.com/callback&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWBuGJSstw-cM&code_challenge_method=S256
with the cookie session=ann (a customer), session=sam-as-ann (allowed) or session=sam-as-bob (refused: access_denied)
`)
