/** The same in CommonJS: every supported Node.js can `require` the package, which is an ES module. */
const Fastify = require('fastify')
const oauthResourceServer = require('fastify-oauth-resource-server')

const port = Number(process.env.PORT ?? 3000)

async function main () {
  const app = Fastify()

  await app.register(oauthResourceServer, {
    resource: `http://localhost:${port}`,
    authorizationServers: ['https://login.example.com'],
    scopes: { 'projects:read': 'Read projects' }
  })
  app.get('/projects', { config: { oauth: { scopes: ['projects:read'] } } }, async request => ({ subject: request.accessToken.subject }))

  await app.listen({ port })
  console.log(`\ncurl -i http://localhost:${port}/projects\n`)
}

main()
