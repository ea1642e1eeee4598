import { isScheme } from '../../challenge/format.ts'
import type { Check } from '../check.ts'
import { fails, failsWith, holds } from '../check.ts'
import { identifierFault } from '../document.ts'
import { headerOf } from '../exchange.ts'
import { Unchecked, challengesOf } from '../subject.ts'

const noSuchRoute = 'Check the path of the URL: the server has no such route. A prefix of the app, or of a proxy before it, is part of the path.'

/** The answer to a request without credentials: the 401 from which a client finds everything else. */
export const noTokenChecks: readonly Check[] = [
  {
    id: 'no-token-401',
    group: 'Request without a token',
    title: 'A request without a token gets 401',
    level: 'required',
    rfc: 'RFC 6750 section 3',
    why: 'Clients start to get a token when they see a 401. Any other status ends their attempt, and 2xx means that the route is open.',
    fix: 'Protect the route, and answer with 401. If this URL is not protected on purpose, check the URL of a protected route.',
    async run (subject) {
      const exchange = await subject.unauthenticated()
      const { status } = exchange.response
      if (status === 404) return { ...fails('it got 404: there is no such route', [exchange]), fix: noSuchRoute }
      return failsWith(status === 401 ? null : `it got ${status}${status < 300 ? ': the route is open' : ''}`, 'it got 401', exchange)
    }
  },
  {
    id: 'challenge-bearer',
    group: 'Request without a token',
    title: 'The 401 has one challenge of the Bearer scheme, or one of DPoP',
    level: 'required',
    rfc: 'RFC 6750 section 3, RFC 9110 section 15.5.2',
    why: 'Without a challenge a client cannot know that the API takes access tokens, and HTTP requires one in every 401.',
    fix: 'Send WWW-Authenticate: Bearer with at least one parameter, once. Check that no proxy removes the header.',
    async run (subject) {
      const exchange = await subject.refusal()
      if (headerOf(exchange.response, 'www-authenticate') === null) return failsWith('the 401 has no WWW-Authenticate header', '', exchange)
      const ours = challengesOf(exchange).filter(one => isScheme(one, 'Bearer') || isScheme(one, 'DPoP'))
      const repeated = ours.find((one, index) => ours.slice(0, index).some(({ scheme }) => isScheme(one, scheme)))
      const fault = ours.length === 0 ? 'there is no Bearer challenge' : repeated === undefined ? null : `there are several ${repeated.scheme} challenges`
      return failsWith(fault, `the scheme is ${ours.map(({ scheme }) => scheme).join(' and ')}`, exchange)
    }
  },
  {
    id: 'challenge-syntax',
    group: 'Request without a token',
    title: 'The challenge follows the grammar',
    level: 'required',
    rfc: 'RFC 9110 section 11.6.1',
    why: 'Clients that parse strictly ignore the whole header.',
    fix: 'Put values into double quotes, parameters apart by commas, each name once: Bearer resource_metadata="https://…", scope="a b".',
    async run (subject) {
      const exchange = await subject.refusal()
      const value = headerOf(exchange.response, 'www-authenticate')
      if (value === null) throw new Unchecked('there is no WWW-Authenticate header')
      try {
        challengesOf(exchange)
        return holds('it does', exchange)
      } catch {
        return failsWith('it does not', '', exchange)
      }
    }
  },
  {
    id: 'challenge-first',
    group: 'Request without a token',
    title: 'The Bearer challenge comes first',
    level: 'recommended',
    rfc: 'RFC 9110 section 11.6.1',
    why: 'Some clients, the MCP TypeScript SDK 1 among them, read only the beginning of the header.',
    fix: 'Send the challenges of other schemes after it, each in a line of its own.',
    async run (subject) {
      const [first] = await subject.challenges()
      const challenge = await subject.tokenChallenge()
      return failsWith(isScheme(challenge, first!.scheme) ? null : `the first one is ${first!.scheme}`, 'it does', await subject.refusal())
    }
  },
  {
    id: 'challenge-pointer',
    group: 'Request without a token',
    title: 'The challenge has resource_metadata, an absolute https URL',
    level: 'required',
    rfc: 'RFC 9728 section 5.1',
    why: 'A client that knows only the URL of the API cannot find the authorization server.',
    fix: 'Add resource_metadata="https://<host>/.well-known/oauth-protected-resource<path>" to the challenge, as the client sees the URL.',
    async run (subject) {
      const pointer = (await subject.tokenChallenge()).parameters.get('resource_metadata')
      const fault = pointer === undefined ? 'there is no resource_metadata' : identifierFault(pointer)
      return failsWith(fault === null || pointer === undefined ? fault : `${pointer} ${fault}`, `it is ${pointer!}`, await subject.refusal())
    }
  },
  {
    id: 'challenge-origin',
    group: 'Request without a token',
    title: 'resource_metadata has the origin that the client called',
    level: 'recommended',
    rfc: 'RFC 9728 section 3.3',
    why: 'Behind a reverse proxy, an internal host, port or scheme in the URL is one that clients cannot reach.',
    fix: 'Configure the public URL of the API in the server, instead of building it from the request. With this package it follows from resource.',
    async run (subject) {
      const pointer = await subject.pointer()
      if (pointer === null || !URL.canParse(pointer)) throw new Unchecked('the challenge has no resource_metadata that is a URL')
      const { origin } = new URL(subject.publicUrl)
      const found = new URL(pointer).origin
      return failsWith(found === origin ? null : `it has ${found}, and the client called ${origin}`, 'it has', await subject.refusal())
    }
  },
  {
    id: 'challenge-no-error',
    group: 'Request without a token',
    title: 'The challenge has no error when no token was sent',
    level: 'recommended',
    rfc: 'RFC 6750 section 3.1',
    why: 'A client that sees invalid_token tries to refresh or discards its tokens.',
    fix: 'Leave error and error_description out when the request had no credentials.',
    async run (subject) {
      const error = (await subject.tokenChallenge()).parameters.get('error')
      return failsWith(error === undefined ? null : `it has error="${error}"`, 'it has none', await subject.refusal())
    }
  },
  {
    id: 'challenge-not-cached',
    group: 'Request without a token',
    title: 'The 401 may not be stored by shared caches',
    level: 'required',
    rfc: 'RFC 9111 section 3',
    why: 'A cache would give the 401 to clients that have a token.',
    fix: 'Send Cache-Control: no-store with refusals.',
    async run (subject) {
      const exchange = await subject.refusal()
      const value = headerOf(exchange.response, 'cache-control') ?? ''
      const isStored = !/no-store|private/i.test(value) && /public|s-maxage=[1-9]|max-age=[1-9]/i.test(value)
      return failsWith(isStored ? `Cache-Control is ${value}` : null, 'it may not', exchange)
    }
  },
  {
    id: 'head-protected',
    group: 'Request without a token',
    title: 'HEAD is protected as GET is',
    level: 'required',
    rfc: 'RFC 9110 section 9.3.2',
    why: 'HEAD runs the handler, and its headers can tell what the body would.',
    fix: 'Apply the check to every method of the route.',
    async run (subject) {
      const exchange = await subject.send({ method: 'HEAD' })
      const { status } = exchange.response
      await subject.refusal()
      return failsWith(status < 300 || status >= 500 ? `HEAD got ${status}` : null, `HEAD got ${status}`, exchange)
    }
  }
]
