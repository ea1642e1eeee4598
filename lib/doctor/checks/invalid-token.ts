import { randomUUID } from 'node:crypto'
import { createSigningKey, encode } from '../../testing/signing-key.ts'
import type { Check, CheckResult } from '../check.ts'
import { failsWith } from '../check.ts'
import type { JsonObject } from '../document.ts'
import { documentOf, identifierFault, parseObject, resourceIdentifier } from '../document.ts'
import type { Exchange } from '../exchange.ts'
import { issuerFacts, keysOf } from '../issuers.ts'
import type { Subject } from '../subject.ts'
import { Unchecked, decidedStatus, errorOf } from '../subject.ts'

/** A token that no server can have issued. */
const garbage = 'not-an-access-token'

async function withGarbage (subject: Subject): Promise<Exchange> {
  await subject.refusal()
  return await subject.once('garbage', async () => await subject.sendWith(`Bearer ${garbage}`))
}

/** A token that must be refused with 401. */
async function checkRefused (subject: Subject, token: string): Promise<CheckResult> {
  await subject.refusal()
  const exchange = await subject.sendWith(`Bearer ${token}`)
  const status = decidedStatus(exchange)
  return failsWith(status === 401 ? null : `it got ${status}`, 'it got 401', exchange)
}

/** The issuer that the document names first; without a document, that of the token of the user. */
async function issuerFor (subject: Subject): Promise<unknown> {
  try {
    const { authorization_servers: issuers } = await documentOf(subject)
    return [issuers].flat()[0]
  } catch (error) {
    const { iss } = subject.tokenClaims ?? {}
    if (iss === undefined) throw error
    return iss
  }
}

/** Claims that a token for this resource would have. */
async function claimsFor (subject: Subject): Promise<JsonObject> {
  const now = Math.floor(Date.now() / 1000)
  return {
    iss: await issuerFor(subject),
    sub: 'doctor', client_id: 'doctor', aud: await resourceIdentifier(subject), iat: now, exp: now + 300, jti: randomUUID()
  }
}

/** A key that the issuer publishes; `undefined` where none was found. */
async function publishedKey (subject: Subject, issuer: unknown): Promise<Partial<Record<'kid' | 'kty', string>> | undefined> {
  if (typeof issuer !== 'string' || identifierFault(issuer) !== null) return undefined
  const { metadata } = await issuerFacts(subject, issuer)
  const { exchange = null } = await keysOf(subject, metadata) ?? {}
  const set = exchange === null ? '' : parseObject(exchange)
  return typeof set !== 'string' && Array.isArray(set.keys) ? set.keys[0] as Partial<Record<'kid' | 'kty', string>> | undefined : undefined
}

/** What the server does with credentials that are no good. */
export const invalidTokenChecks: readonly Check[] = [
  {
    id: 'invalid-token-401',
    group: 'Invalid tokens',
    title: 'A token that is not one gets 401',
    level: 'required',
    rfc: 'RFC 6750 section 3.1',
    why: 'Clients get a new token when they see a 401. With 403 or 500 they give up, and 2xx means that tokens are not checked.',
    fix: 'Catch what the parser of tokens throws, and answer with 401 and error="invalid_token".',
    async run (subject) {
      const exchange = await withGarbage(subject)
      const status = decidedStatus(exchange)
      return failsWith(status === 401 ? null : `it got ${status}`, 'it got 401', exchange)
    }
  },
  {
    id: 'invalid-token-error',
    group: 'Invalid tokens',
    title: 'Its challenge has error="invalid_token"',
    level: 'required',
    rfc: 'RFC 6750 section 3.1',
    why: 'Without it a client cannot tell an expired token from a missing one, and does not refresh.',
    fix: 'Add error="invalid_token" to the challenge when a token was sent and is invalid.',
    async run (subject) {
      const exchange = await withGarbage(subject)
      if (decidedStatus(exchange) !== 401) throw new Unchecked('the invalid token was not answered with 401')
      const error = errorOf(exchange)
      return failsWith(error === 'invalid_token' ? null : error === null ? 'there is no error' : `error is "${error}"`, 'it has', exchange)
    }
  },
  {
    id: 'invalid-token-pointer',
    group: 'Invalid tokens',
    title: 'Its challenge has the same resource_metadata',
    level: 'recommended',
    rfc: 'RFC 9728 section 5.1',
    why: 'A client whose refresh token is gone starts again from this response.',
    fix: 'Send the same challenge with every 401.',
    async run (subject) {
      const exchange = await withGarbage(subject)
      const pointer = await subject.pointer()
      if (decidedStatus(exchange) !== 401 || pointer === null) throw new Unchecked('one of the two has no resource_metadata to compare')
      const text = exchange.response.headers.filter(([name]) => name === 'www-authenticate').join()
      return failsWith(text.includes(pointer) ? null : 'it has not', 'it has', exchange)
    }
  },
  {
    id: 'scheme-case',
    group: 'Invalid tokens',
    title: 'The scheme is recognized in lower case: "bearer"',
    level: 'required',
    rfc: 'RFC 9110 section 11.1',
    why: 'Clients may write the scheme in any case.',
    fix: 'Compare the name of the scheme without case.',
    async run (subject) {
      const expected = await withGarbage(subject)
      const exchange = await subject.sendWith(`bearer ${garbage}`)
      const [one, other] = [expected, exchange].map(answer => `${decidedStatus(answer)} ${errorOf(answer) ?? 'without an error'}`)
      return failsWith(one === other ? null : `"Bearer" got ${one!}, and "bearer" ${other!}`, 'both are answered alike', exchange)
    }
  },
  {
    id: 'malformed-credentials',
    group: 'Invalid tokens',
    title: 'Credentials without a token, and those of another scheme, get 400 or 401',
    level: 'required',
    rfc: 'RFC 6750 section 3.1',
    why: 'A request that anyone can send must not cause an internal error.',
    fix: 'Answer a malformed Authorization header with 400 and error="invalid_request", and another scheme as if there were no credentials.',
    async run (subject) {
      await subject.refusal()
      const exchanges = [await subject.sendWith('Bearer'), await subject.sendWith('Bearer two words'), await subject.sendWith('Basic ZG9jdG9yOm5vbmU=')]
      const broken = exchanges.find(exchange => ![400, 401].includes(decidedStatus(exchange)))
      return failsWith(broken === undefined ? null : `one of them got ${broken.response.status}`, 'they do', ...broken === undefined ? exchanges : [broken])
    }
  },
  {
    id: 'repeated-authorization',
    group: 'Invalid tokens',
    title: 'A request with two Authorization headers gets 400 or 401',
    level: 'recommended',
    rfc: 'RFC 6750 section 2, RFC 9110 section 5.3',
    why: 'A proxy may check one of them and the server use the other.',
    fix: 'Refuse the request. Node.js drops the second one silently: count them in rawHeaders.',
    async run (subject) {
      await subject.refusal()
      const first = subject.protectsToken ? subject.options.token : null
      const exchange = await subject.sendWith(`Bearer ${first ?? garbage}`, `Bearer ${garbage}`)
      const status = decidedStatus(exchange)
      return failsWith(status === 400 || status === 401 ? null : `it got ${status}`, `it got ${status}`, exchange)
    }
  },
  {
    id: 'query-token',
    group: 'Invalid tokens',
    title: 'A token in the query is not read',
    level: 'required',
    rfc: 'RFC 9700 section 4.3.2, OAuth 2.1 section 5.1',
    why: 'URLs with tokens end up in logs, histories and Referer headers.',
    fix: 'Read tokens from the Authorization header only.',
    async run (subject) {
      const plain = await subject.refusal()
      const { url } = subject.options
      const exchange = await subject.send({ url: `${url}${url.includes('?') ? '&' : '?'}access_token=${garbage}` })
      const isRead = decidedStatus(exchange) !== 401 || errorOf(exchange) !== errorOf(plain)
      return failsWith(isRead ? `it changed the answer to ${exchange.response.status}, error ${errorOf(exchange)}` : null, 'the answer is that to no token', exchange)
    }
  },
  {
    id: 'unsigned-token',
    group: 'Invalid tokens',
    title: 'A token with alg "none" gets 401',
    level: 'required',
    rfc: 'RFC 8725 section 3.1',
    why: 'Anyone can write such a token.',
    fix: 'Accept algorithms from a list of asymmetric ones only.',
    async run (subject) {
      return await checkRefused(subject, `${encode({ alg: 'none', typ: 'at+jwt' })}.${encode(await claimsFor(subject))}.`)
    }
  },
  {
    id: 'forged-token',
    group: 'Invalid tokens',
    title: 'A token signed by a stranger under a key id of the issuer gets 401',
    level: 'required',
    rfc: 'RFC 9068 section 4',
    why: 'If the signature is not verified, everyone can sign in as everyone.',
    fix: 'Verify signatures with the keys of the issuer: decoding a JWT does not.',
    async run (subject) {
      const claims = await claimsFor(subject)
      // With an id that the issuer has, so that the keys need not be looked up and the signature alone decides.
      const known = await publishedKey(subject, claims.iss)
      const key = createSigningKey(known?.kty === 'RSA' ? 'RS256' : 'ES256', known?.kid ?? 'doctor')
      return await checkRefused(subject, key.sign({ typ: 'at+jwt', kid: key.keyId }, claims))
    }
  }
]
