import type { Check } from '../check.ts'
import { failsWith, notApplicable } from '../check.ts'
import { resourceIdentifier } from '../document.ts'
import type { Exchange } from '../exchange.ts'
import type { Subject } from '../subject.ts'
import { Unchecked, decidedStatus, errorOf, requiredScopes } from '../subject.ts'

/** @throws Unchecked where the token would travel unencrypted */
function checkTransport ({ protectsToken }: Subject): void {
  if (!protectsToken) throw new Unchecked('the token is not sent over http')
}

/** What the token is for, by its own words: `null` when it does not say. */
async function isForResource (subject: Subject): Promise<boolean | null> {
  const { aud } = subject.tokenClaims ?? {}
  return aud === undefined ? null : [aud].flat().includes(await resourceIdentifier(subject))
}

/** What a 403 says about a token: it was good enough to be looked at further (RFC 6750 section 3.1). */
function forbidden (exchange: Exchange): string {
  if (errorOf(exchange) !== 'insufficient_scope') return 'the token was not refused with 401, but this request is forbidden (403)'
  return `the token is valid, but this route needs ${requiredScopes(exchange) ?? 'scopes that it does not have'} (403)`
}

/** What the server does with the token of --token. */
export const yourTokenChecks: readonly Check[] = [
  {
    id: 'token-accepted',
    group: 'Your token',
    title: 'The token is accepted',
    level: 'required',
    rfc: 'RFC 9068 section 4',
    why: 'Clients with such a token cannot use the API.',
    fix: 'Find out why: fastify-oauth-resource-server explain <url>, with the token on standard input.',
    async run (subject) {
      const { token } = subject.options
      if (token === null) return notApplicable('no token was given (--token -)')
      checkTransport(subject)
      const { exp } = subject.tokenClaims ?? {}
      if (typeof exp === 'number' && exp * 1000 <= Date.now()) throw new Unchecked('the token has expired')
      if (await isForResource(subject) === false) return notApplicable('the token is for another resource')
      const exchange = await subject.sendWith(`Bearer ${token}`)
      const status = decidedStatus(exchange)
      if (status === 403) throw new Unchecked(forbidden(exchange))
      if (status >= 500) throw new Unchecked(`it got ${status}, which does not say whether the token is accepted`)
      return failsWith(status === 401 ? 'it got 401' : null, `it got ${status}`, exchange)
    }
  },
  {
    id: 'token-audience',
    group: 'Your token',
    title: 'A token for another resource gets 401',
    level: 'required',
    rfc: 'RFC 9068 section 4, RFC 8707',
    why: 'Any other API that a user gives a token to can use it here.',
    fix: 'Accept only tokens whose aud names this resource.',
    async run (subject) {
      const { token } = subject.options
      if (token === null) return notApplicable('no token was given (--token -)')
      checkTransport(subject)
      if (await isForResource(subject) !== false) return notApplicable('the token is not one for another resource')
      const exchange = await subject.sendWith(`Bearer ${token}`)
      const status = decidedStatus(exchange)
      return failsWith(status === 401 ? null : `it got ${status}`, 'it got 401', exchange)
    }
  },
  {
    id: 'token-changed',
    group: 'Your token',
    title: 'The token with another signature gets 401',
    level: 'required',
    rfc: 'RFC 9068 section 4',
    why: 'If signatures are not verified, everyone can change who they are.',
    fix: 'Verify signatures with the keys of the issuer: decoding a JWT does not.',
    async run (subject) {
      const { token } = subject.options
      if (token === null) return notApplicable('no token was given (--token -)')
      checkTransport(subject)
      // Not the last character: it may have bits that do not matter.
      const at = token.length - Math.min(12, token.length)
      const changed = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`
      const exchange = await subject.sendWith(`Bearer ${changed}`)
      const status = decidedStatus(exchange)
      return failsWith(status === 401 ? null : `it got ${status}`, 'it got 401', exchange)
    }
  }
]
