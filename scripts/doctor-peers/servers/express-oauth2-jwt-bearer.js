import cors from 'cors'
import express from 'express'
import { auth, requiredScopes } from 'express-oauth2-jwt-bearer'

/** @type {import('../servers.js').CreateServer} */
export async function createServer ({ resource, issuer, origin }) {
  const app = express()
  app.use(cors({ origin, exposedHeaders: ['WWW-Authenticate'] }))
  app.use(auth({ issuerBaseURL: issuer, audience: resource, strict: true }))
  app.get('/notes', requiredScopes('notes:read'), (_request, response) => { response.json(['Buy milk']) })
  // The default handler of Express prints the stack of each error.
  app.use((error, _request, response, _next) => { response.status(error.status ?? 500).set(error.headers ?? {}).json({ message: error.message }) })
  return app
}
