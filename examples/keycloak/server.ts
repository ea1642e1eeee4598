/**
 * An API behind Keycloak. Start Keycloak with `docker compose -f examples/keycloak/compose.yaml up`, then run this file. The realm
 * has a client scope with two mappers: one adds the API as the audience, the other one says who impersonates the user.
 */
import Fastify from 'fastify'
import oauthResourceServer from 'fastify-oauth-resource-server'
import { createMemoryOrganizationDirectory } from 'fastify-oauth-resource-server/impersonation'

const port = Number(process.env.PORT ?? 3000)
const keycloak = process.env.KEYCLOAK_URL ?? 'http://localhost:8080'
const audience = 'http://localhost:3000' // `included.custom.audience` of the mapper

export const app = Fastify()

await app.register(oauthResourceServer, {
  resource: `http://localhost:${port}`,
  authorizationServers: [{
    issuer: `${keycloak}/realms/main`,
    preset: 'keycloak',
    audience,
    claims: { actor: ['impersonator', 'id'] } // who acts for the user, where the mapper says so
  }],
  scopes: { 'projects:read': 'Read projects' },
  impersonatedTokens: {
    // No organization has approved AI processing yet, so tokens of impersonators are refused.
    directory: createMemoryOrganizationDirectory({ organizations: [] }),
    markers: [{ claim: ['impersonator', 'id'] }]
  }
})

app.get('/projects', { config: { oauth: { scopes: ['projects:read'] } } }, async request => {
  const { subject, principalType, clientId } = request.accessToken!
  return { subject, principalType, clientId }
})

await app.listen({ port })

console.log(`
token=$(curl -s ${keycloak}/realms/main/protocol/openid-connect/token -u nightly-report:for-development-only \\
  -d grant_type=client_credentials -d scope=projects:read | sed 's/.*"access_token":"\\([^"]*\\).*/\\1/')
curl -H "authorization: Bearer $token" http://localhost:${port}/projects
`)
