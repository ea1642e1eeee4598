import { bearer, cpuPerRequest, repeat, start } from './http.js'
import { createTokens, publicKeys, resource, serveKeys } from './issuer.js'
import { interleave, over } from './rounds.js'
import { amount, rounds } from './settings.js'
import { median } from './statistics.js'

export const peers = [
  { name: '@fastify/jwt, static key and its cache', server: 'fastifyJwtStatic', role: 'peer' },
  { name: '@fastify/jwt with get-jwks', server: 'fastifyJwtGetJwks', role: 'peer' },
  { name: 'fastify-jwt-jwks', server: 'fastifyJwtJwks', role: 'peer' },
  { name: '`jwtVerify` of jose in a hook', server: 'jose', role: 'peer' },
  { name: "better-auth's resource client in a hook", server: 'betterAuth', role: 'peer' },
  { name: 'Express alone', server: 'bareExpress', role: 'reference' },
  { name: 'express-oauth2-jwt-bearer', server: 'expressOauth2JwtBearer', role: 'peer' },
  { name: 'requireBearerAuth of the MCP SDK', server: 'mcpSdk', role: 'peer' }
]
export const ours = { name: 'this package', server: 'ours', role: 'ours' }
export const bare = { name: 'bare Fastify', server: 'bare', role: 'reference' }
export const bareAgain = { name: 'bare Fastify, once more', server: 'bare', role: 'error' }

const measured = amount(6000, 2000)
/** Until a server is warm: V8 compiles much of it anew after about 10,000 requests, and then hardly anything. */
const warmUp = amount(16_000, 6000)

/** What is sent, and what is answered. */
export const traffic = {
  hot: ([token]) => ({ warmUp: repeat(bearer(token), warmUp), requests: repeat(bearer(token), measured) }),
  new: tokens => ({ warmUp: tokens.slice(0, warmUp).map(bearer), requests: tokens.slice(warmUp).map(bearer) }),
  none: () => ({ warmUp: repeat({}, warmUp), requests: repeat({}, measured), status: 401 }),
  garbage: () => ({ warmUp: repeat(bearer('garbage'), warmUp), requests: repeat(bearer('garbage'), measured), status: 401 })
}

/**
 * Compares servers under one kind of traffic: a new process for each contender in each round, as two processes of the same
 * program differ by up to a third.
 *
 * @param requests makes what is sent of tokens that never repeat; the contender's own `requests` come first
 * @param base the name of the contender that is 1
 */
export async function compareServers ({ title, unit, limit, contenders, requests, base = bare.name, tokenCount = warmUp + measured }) {
  const { issuer, close } = await serveKeys()
  const tokens = createTokens(issuer, 'RS256', tokenCount)
  const given = JSON.stringify({ issuer, resource, jwksUri: `${issuer}/.well-known/jwks.json`, pem: publicKeys.RS256.export({ type: 'spki', format: 'pem' }) })
  const samples = await interleave(contenders, Math.ceil(rounds * 0.6), async contender => {
    const server = await start('server.js', contender.server, given)
    try {
      const asked = (contender.requests ?? requests)(tokens)
      const status = /^bare/.test(contender.server) ? 200 : asked.status
      return await cpuPerRequest(server, server.message.port, { ...asked, status })
    } finally {
      await server.stop()
    }
  })
  close()
  const ofBase = samples.get(base)
  return {
    title,
    unit,
    limit,
    base: `1 is ${median(ofBase).toFixed(0)} µs.`,
    rows: contenders.map(({ name, role }) => ({ name, role, values: over(samples.get(name), ofBase) }))
  }
}
