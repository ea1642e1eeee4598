/** A small authorization server for your own machine, to get a first access token from. It is not for production. */
import Provider from 'oidc-provider'

const port = Number(process.env.AS_PORT ?? 3001)
const issuer = `http://localhost:${port}`
const scope = 'projects:read notes:read notes:write' // what a token can get

const provider = new Provider(issuer, {
  clients: [{ client_id: 'me', client_secret: 'secret', grant_types: ['client_credentials'], redirect_uris: [], response_types: [] }],
  features: {
    clientCredentials: { enabled: true },
    resourceIndicators: { // RFC 8707: the token is for the `resource` that the client names
      enabled: true,
      getResourceServerInfo: (_ctx, resource) => ({ scope, audience: resource, accessTokenFormat: 'jwt' })
    }
  }
})
provider.listen(port, 'localhost', () => console.log(`Issuer: ${issuer}`))
