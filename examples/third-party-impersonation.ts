/**
 * The guard with the authorization server of another company. Its staff impersonate customers, and it adds a claim of its own to
 * the tokens of such sessions. The guard checks each use: a token of an impersonator works only while every organization that it
 * gives access to has approved AI processing.
 */
import Fastify from 'fastify'
import oauthResourceServer from 'fastify-oauth-resource-server'
import { createMemoryOrganizationDirectory } from 'fastify-oauth-resource-server/impersonation'
import { createTestIssuer } from 'fastify-oauth-resource-server/testing'

const port = Number(process.env.PORT ?? 3000)
const resource = `http://localhost:${port}`
// Stands in for Keycloak or Auth0, inside this process. docs/authorization-servers.md shows how these add the claim.
const issuer = createTestIssuer({ resource })

const directory = createMemoryOrganizationDirectory({
  organizations: [{ id: 'globex', aiApproved: true }],
  memberships: [{ customer: 'ann', organization: 'globex' }]
})

const claim = 'https://api.example.com/impersonator'

export const app = Fastify()

await app.register(oauthResourceServer, {
  ...issuer.options,
  impersonatedTokens: {
    directory,
    // The claim of the issuer, mapped to the impersonation. `null` is a customer's own token.
    impersonationOf ({ subject, claims, issuer }) {
      const impersonator = claims[claim] as { id: string, session: string, started_at: number } | undefined
      if (impersonator === undefined) return null
      return {
        staff: impersonator.id,
        staffIssuer: issuer,
        customer: subject,
        sessionId: impersonator.session,
        grantedAt: impersonator.started_at,
        endsAt: impersonator.started_at + 3_600_000 // your rule: an impersonation lasts an hour at most
      }
    }
  }
})

app.get('/projects', async request => ({ subject: request.accessToken?.subject, impersonatedBy: request.impersonation?.staff ?? null }))

// Stands in for the settings page of the organization.
app.put('/approval/:value', { config: { oauth: false } }, async request => {
  directory.setApproval('globex', (request.params as { value: string }).value === 'on')
  return 'saved'
})

await app.listen({ port })

const ann = issuer.token({ subject: 'ann' })
const sam = issuer.token({ subject: 'ann', claims: { [claim]: { id: 'sam', session: 's-1', started_at: Date.now() } } })
console.log(`
curl -H 'authorization: Bearer ${sam}' ${resource}/projects
curl -X PUT ${resource}/approval/off
curl -i -H 'authorization: Bearer ${sam}' ${resource}/projects   # 403: the organization has withdrawn its approval
curl -H 'authorization: Bearer ${ann}' ${resource}/projects
`)
