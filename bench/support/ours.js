import Fastify from 'fastify'
import { jwks, resource } from './issuer.js'

/** The built package: what users run. */
export const load = path => import(new URL(`../../dist/plugins/${path}.js`, import.meta.url).href)

const { oauthResourceServer, ...others } = await load('index')
export { oauthResourceServer, others as ours }

export const testIssuer = 'https://login.example.com'

/** The verifier of a server that is ready, without HTTP. */
export async function createVerifier (options = {}) {
  const app = Fastify()
  await app.register(oauthResourceServer, { resource, authorizationServers: [{ issuer: testIssuer, jwks }], ...options })
  await app.ready()
  return app.accessTokenVerifier
}
