/** Several servers in one process, so that their ratios are tight: with and without this package. */
import Fastify from 'fastify'
import { resource } from './issuer.js'
import { oauthResourceServer, testIssuer } from './ours.js'
import { report, serve } from './server-process.js'
import { servers } from './servers.js'

const route = { config: { oauth: false }, handler: async () => ({ hello: 'world' }) }
const documentBody = JSON.stringify({ resource, authorization_servers: [testIssuer], bearer_methods_supported: ['header'] })

async function start ({ isProtected }) {
  const app = Fastify()
  if (isProtected) await app.register(oauthResourceServer, { resource, authorizationServers: [testIssuer] })
  app.get('/', route)
  // What our document is sent with.
  app.get('/same-bytes', { config: { oauth: false } }, (_request, reply) => reply
    .header('access-control-allow-origin', '*').header('cache-control', 'public, max-age=3600').header('etag', '"9Eo0jbI6dJUBRT2mEcm5qA"')
    .type('application/json; charset=utf-8').send(documentBody))
  return await serve(app)
}

report({
  bare: await start({ isProtected: false }),
  again: await start({ isProtected: false }),
  ours: await start({ isProtected: true }),
  mcpSdk: await serve(await servers.mcpSdk({ issuer: testIssuer, resource, jwksUri: `${testIssuer}/jwks` }))
})
