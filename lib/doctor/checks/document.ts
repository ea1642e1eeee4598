import { isDeepStrictEqual } from 'node:util'
import { coversUrl } from '../../client/fetch/resource-match.ts'
import { parseIdentifier } from '../../identifier.ts'
import { metadataUrl } from '../../metadata/well-known.ts'
import type { Check } from '../check.ts'
import { fails, failsWith, holds, notApplicable } from '../check.ts'
import { attempt, documentExchange, documentOf, documentUrls, identifierFault, outageOf, parseObject, resourceOf } from '../document.ts'
import { headerOf } from '../exchange.ts'
import { Unchecked } from '../subject.ts'

/** The identifier that a resource would have to have at this URL: a proxy may have put a path before its own. */
function identifierFor (url: string, resource: string): string {
  const { origin, pathname } = new URL(url)
  const own = new URL(resource).pathname
  if (own === '/') return origin
  const at = `${pathname}/`.indexOf(`${own.replace(/\/$/, '')}/`)
  return origin + (at === -1 ? pathname : pathname.slice(0, at + own.length))
}

/** The metadata document of the resource: where it is, and that it is about this resource. */
export const documentChecks: readonly Check[] = [
  {
    id: 'document-found',
    group: 'Metadata document',
    title: 'The metadata document is where the challenge says, or at its well-known URL',
    level: 'required',
    rfc: 'RFC 9728 section 3',
    why: 'Clients learn from the document which authorization server to use.',
    fix: 'Serve the document with GET, without a token and without redirects; let the reverse proxy pass /.well-known/oauth-protected-resource on.',
    async run (subject) {
      await subject.unauthenticated()
      const [url] = await documentUrls(subject) as [string]
      const read = await attempt(subject, url)
      const { exchange } = read
      if (exchange === null) return fails(outageOf(read), [])
      const { status } = exchange.response
      if (status === 200) return holds(`it is at ${url}`, exchange)
      if (await subject.pointer() !== null) return fails(`${url} got ${status}`, [exchange])
      const other = await documentExchange(subject).catch(() => exchange)
      return failsWith(other === exchange ? `${url} got ${status}` : null, `it is at ${other.request.url}`, other)
    }
  },
  {
    id: 'document-type',
    group: 'Metadata document',
    title: 'Its content type is application/json',
    level: 'required',
    rfc: 'RFC 9728 section 3.2',
    why: 'Strict clients do not read anything else.',
    fix: 'Send Content-Type: application/json.',
    async run (subject) {
      const exchange = await documentExchange(subject)
      const type = headerOf(exchange.response, 'content-type')
      return failsWith(/^application\/json\s*(?:;|$)/i.test(type ?? '') ? null : `it is ${type ?? 'missing'}`, 'it is', exchange)
    }
  },
  {
    id: 'document-json',
    group: 'Metadata document',
    title: 'It is one JSON object of at most 256 KiB, each member once',
    level: 'required',
    rfc: 'RFC 9728 section 3.2',
    why: 'Clients cannot read it, or read different values.',
    fix: 'Send a JSON object in UTF-8.',
    async run (subject) {
      const exchange = await documentExchange(subject)
      const document = parseObject(exchange)
      return failsWith(typeof document === 'string' ? document : null, 'it is', exchange)
    }
  },
  {
    id: 'document-identifier',
    group: 'Metadata document',
    title: 'resource is an https URL without a fragment',
    level: 'required',
    rfc: 'RFC 9728 section 1.2',
    why: 'The identifier becomes the audience of tokens, and the base of every comparison.',
    fix: 'Set resource to the https URL of the API; http is for loopback hosts only.',
    async run (subject) {
      const { resource } = await documentOf(subject)
      const fault = identifierFault(resource)
      return failsWith(fault === null ? null : `${JSON.stringify(resource) ?? 'resource'} ${resource === undefined ? 'is missing' : fault}`, 'it is', await documentExchange(subject))
    }
  },
  {
    id: 'document-resource',
    group: 'Metadata document',
    title: 'resource is the identifier of what was called',
    level: 'required',
    rfc: 'RFC 9728 section 3.3',
    why: 'Clients must discard a document about another resource: otherwise one API could get tokens for another.',
    fix: 'Set resource to the URL that clients call, or one that it begins with, character by character: scheme, host, port, path and slashes.',
    async run (subject) {
      const resource = await resourceOf(subject)
      const { resource: expected, url } = subject.options
      const matches = expected === null ? coversUrl(resource, url, 'prefix') : resource === expected
      const exchange = await documentExchange(subject)
      if (matches) return holds(`it is ${resource}`, exchange)
      return {
        ...fails(`it is ${resource}, and ${expected ?? url} was called`, [exchange]),
        fix: `Set resource to ${expected ?? identifierFor(url, resource)}, if clients call this URL. It must be what they call, or its beginning, character by character.`
      }
    }
  },
  {
    id: 'document-well-known',
    group: 'Metadata document',
    title: 'The document is at the well-known URL of resource',
    level: 'required',
    rfc: 'RFC 9728 section 3.1',
    why: 'Clients that make the URL themselves insert the well-known part between host and path.',
    fix: 'Serve it at https://<host>/.well-known/oauth-protected-resource<path>, at the root of the host also where the API is under a prefix.',
    async run (subject) {
      const resource = await resourceOf(subject)
      const url = metadataUrl(parseIdentifier(resource))
      const read = await attempt(subject, url)
      const { exchange } = read
      if (exchange === null) return fails(outageOf(read), [])
      const document = parseObject(exchange)
      const isThere = exchange.response.status === 200 && typeof document !== 'string'
      return failsWith(isThere ? null : `${url} got ${exchange.response.status}${exchange.response.status === 200 ? ' and no JSON object' : ''}`, `it is at ${url}`, exchange)
    }
  },
  {
    id: 'document-consistent',
    group: 'Metadata document',
    title: 'The documents at both URLs say the same',
    level: 'required',
    rfc: 'RFC 9728 section 3.3',
    why: 'It depends on the client which of the two is used.',
    fix: 'Make both from one configuration.',
    async run (subject) {
      const exchange = await documentExchange(subject)
      const url = metadataUrl(parseIdentifier(await resourceOf(subject)))
      if (url === exchange.request.url) return notApplicable('both URLs are the same')
      const { exchange: other } = await attempt(subject, url)
      const [one, second] = [parseObject(exchange), other?.response.status === 200 ? parseObject(other) : '']
      if (typeof one === 'string' || typeof second === 'string') throw new Unchecked('there is only one document')
      const member = ['resource', 'authorization_servers', 'scopes_supported'].find(name => !isDeepStrictEqual(one[name], second[name]))
      return failsWith(member === undefined ? null : `${member} differs`, 'they do', exchange, other!)
    }
  },
  {
    id: 'document-open',
    group: 'Metadata document',
    title: 'It can be read with an invalid token, too',
    level: 'required',
    rfc: 'RFC 9728 section 3.1',
    why: 'Some clients send the token that was just refused with every request, and would never find the document.',
    fix: 'Do not authenticate the well-known route.',
    async run (subject) {
      const { request: { url } } = await documentExchange(subject)
      const exchange = await subject.get(url, [['Authorization', 'Bearer not-an-access-token']])
      return failsWith(exchange.response.status === 200 ? null : `it got ${exchange.response.status}`, 'it can', exchange)
    }
  },
  {
    id: 'document-head',
    group: 'Metadata document',
    title: 'HEAD is answered as GET is',
    level: 'recommended',
    rfc: 'RFC 9110 section 9.3.2',
    why: 'Monitors and proxies use HEAD.',
    fix: 'Serve HEAD on the well-known route.',
    async run (subject) {
      const { request: { url } } = await documentExchange(subject)
      const exchange = await subject.send({ url, method: 'HEAD' })
      return failsWith(exchange.response.status === 200 ? null : `HEAD got ${exchange.response.status}`, 'it is', exchange)
    }
  },
  {
    id: 'document-caching',
    group: 'Metadata document',
    title: 'It says how long it may be cached',
    level: 'recommended',
    rfc: 'RFC 9728 section 7.10',
    why: 'Without it each client decides by itself how long an old document is used.',
    fix: 'Send Cache-Control, for example public, max-age=300.',
    async run (subject) {
      const exchange = await documentExchange(subject)
      const value = headerOf(exchange.response, 'cache-control')
      return failsWith(value === null ? 'there is no Cache-Control' : null, `Cache-Control is ${value!}`, exchange)
    }
  },
  {
    id: 'document-of-others',
    group: 'Metadata document',
    title: 'The well-known URL of an unknown resource is 404',
    level: 'recommended',
    rfc: 'RFC 9728 section 3.3',
    why: 'A document of another resource there must be discarded by every client that finds it, and 401 stops the discovery of some.',
    fix: 'Answer 404, without a token, for paths that no resource has.',
    async run (subject) {
      const { request: { url } } = await documentExchange(subject)
      const unknown = `${new URL(url).origin}/.well-known/oauth-protected-resource/no-resource-has-this-path`
      const exchange = await subject.get(unknown)
      const { status } = exchange.response
      return status === 404 ? holds('it is', exchange) : fails(`it got ${status}`, [exchange])
    }
  }
]
