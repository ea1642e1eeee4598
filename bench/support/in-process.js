import { createPublicKey, verify } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { JwtVerifier } from 'aws-jwt-verify'
import { createVerifier as createFastJwt } from 'fast-jwt'
import { createLocalJWKSet, createRemoteJWKSet, customFetch, jwtVerify } from 'jose'
import { jwks, publicKeys, resource } from './issuer.js'
import { createVerifier, testIssuer } from './ours.js'
import { cpuOf, interleave, over } from './rounds.js'
import { median } from './statistics.js'

/** The least that a check can cost: one call with the key at hand, and no look at what the token says. */
export function createRawCheck (alg) {
  // On the key itself: an object around it costs Node.js 24 half a check more.
  const key = Object.assign(createPublicKey(publicKeys[alg].export({ type: 'spki', format: 'pem' })), { dsaEncoding: 'ieee-p1363' })
  return token => {
    const end = token.lastIndexOf('.')
    if (!verify('sha256', Buffer.from(token.slice(0, end)), key, Buffer.from(token.slice(end + 1), 'base64url'))) throw new Error('refused')
  }
}

const expected = { issuer: testIssuer, audience: resource }
const serveJwks = async () => new Response(JSON.stringify(jwks), { headers: { 'content-type': 'application/json' } })

/** Ways to check a token. Each is made anew for each sample, so that no sample knows the tokens of the last. */
export const checks = {
  ours: options => async () => (await createVerifier(options)).verify,
  /** As a server does it, which says of which connection a request is. */
  oursOnConnection: () => async () => {
    const { verify } = await createVerifier()
    const connection = {}
    return token => verify(token, undefined, connection)
  },
  fastJwt: (alg, options) => () => createFastJwt({
    key: publicKeys[alg].export({ type: 'spki', format: 'pem' }), algorithms: [alg], allowedIss: testIssuer, allowedAud: resource, cache: false, ...options
  }),
  awsJwtVerify: () => () => {
    const verifier = JwtVerifier.create({ ...expected, jwksUri: `${testIssuer}/jwks` })
    verifier.cacheJwks(jwks)
    return token => verifier.verifySync(token)
  },
  jose: () => () => {
    const keys = createLocalJWKSet(jwks)
    return token => jwtVerify(token, keys, { ...expected, typ: 'at+jwt' })
  },
  joseRemote: () => () => {
    const keys = createRemoteJWKSet(new URL(`${testIssuer}/jwks`), { [customFetch]: serveJwks })
    return token => jwtVerify(token, keys, { ...expected, typ: 'at+jwt' })
  }
}

/** As in a server, a turn of the event loop has some requests and then ends. */
const perTurn = 8

async function inTurns (check, tokens) {
  for (let i = 0; i < tokens.length; i++) {
    const answer = check(tokens[i])
    if (answer instanceof Promise) await answer
    if (i % perTurn === 0) await nextTurn()
  }
}

/**
 * Compares ways to check tokens with one raw check. Each sample has the key imported before it begins, and what the turns of the
 * event loop take is not counted.
 *
 * @param contenders a list of `{ name, role, make, tokens }`
 */
export async function compareChecks ({ title, unit, limit, alg, contenders, rounds, warmUp, rawTokens }) {
  const raw = { name: 'one call of `crypto.verify`, and nothing else', make: () => createRawCheck(alg), tokens: rawTokens }
  const again = { name: 'the same, once more', role: 'error', make: () => createRawCheck(alg), tokens: rawTokens }
  const all = [raw, again, ...contenders]
  const samples = await interleave(all, rounds, async ({ make, tokens }) => {
    const check = await make()
    for (const token of warmUp) await check(token)
    const took = await cpuOf(() => inTurns(check, tokens)) - await cpuOf(() => inTurns(() => true, tokens))
    return took / tokens.length
  }, 1)
  const base = samples.get(raw.name)
  return {
    title,
    unit,
    limit,
    base: `1 is ${median(base).toFixed(1)} µs.`,
    rows: all.map(({ name, role }) => ({ name, role, values: over(samples.get(name), base) }))
  }
}
