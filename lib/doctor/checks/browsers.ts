import type { Check } from '../check.ts'
import { failsWith, notApplicable } from '../check.ts'
import { documentExchange } from '../document.ts'
import type { DoctorResponse } from '../exchange.ts'
import { headerOf } from '../exchange.ts'
import type { Exchange } from '../exchange.ts'
import type { Subject } from '../subject.ts'

async function preflight (subject: Subject): Promise<Exchange> {
  const { request: { method } } = await subject.unauthenticated()
  return await subject.once('preflight', async () => await subject.send({
    method: 'OPTIONS',
    headers: [['Origin', subject.options.origin], ['Access-Control-Request-Method', method], ['Access-Control-Request-Headers', 'authorization,content-type']]
  }))
}

/** The names that a list of header names has; the star covers all of them but `Authorization` (Fetch standard, CORS protocol). */
function lists (response: DoctorResponse, header: string, name: string): boolean {
  const names = (headerOf(response, header) ?? '').toLowerCase().split(',').map(one => one.trim())
  return names.includes(name) || (name !== 'authorization' && names.includes('*'))
}

/** What a web page of another origin can do: nothing is required of an API that is not for web pages. */
export const browserChecks: readonly Check[] = [
  {
    id: 'preflight-open',
    group: 'Browsers',
    title: 'A CORS preflight is not asked for a token',
    level: 'required',
    rfc: 'Fetch standard, CORS-preflight fetch',
    why: 'Browsers send preflights without credentials, so that no web page could ever call the API.',
    fix: 'Let CORS answer preflights before authentication: register the CORS plugin first.',
    async run (subject) {
      const exchange = await preflight(subject)
      return failsWith(exchange.response.status === 401 ? 'it got 401' : null, `it got ${exchange.response.status}`, exchange)
    }
  },
  {
    id: 'preflight-authorization',
    group: 'Browsers',
    title: 'The preflight allows the Authorization header',
    level: 'required',
    rfc: 'Fetch standard, CORS protocol',
    why: 'A web page that may call the API cannot send its token. The star does not cover Authorization.',
    fix: 'Send Access-Control-Allow-Headers with authorization in it.',
    async run (subject) {
      const exchange = await preflight(subject)
      if (headerOf(exchange.response, 'access-control-allow-origin') === null) return notApplicable(`web pages of ${subject.options.origin} may not call this API`)
      return failsWith(lists(exchange.response, 'access-control-allow-headers', 'authorization') ? null : 'it does not', 'it does', exchange)
    }
  },
  {
    id: 'challenge-exposed',
    group: 'Browsers',
    title: 'Web pages that may call the API can read WWW-Authenticate',
    level: 'required',
    rfc: 'Fetch standard, CORS protocol',
    why: 'The browser hides the challenge from the page, which then cannot find the authorization server.',
    fix: 'Send Access-Control-Expose-Headers: WWW-Authenticate with the 401.',
    async run (subject) {
      await subject.refusal()
      const exchange = await subject.send({ headers: [['Origin', subject.options.origin]] })
      if (headerOf(exchange.response, 'access-control-allow-origin') === null) return notApplicable(`web pages of ${subject.options.origin} may not call this API`)
      return failsWith(lists(exchange.response, 'access-control-expose-headers', 'www-authenticate') ? null : 'they cannot', 'they can', exchange)
    }
  },
  {
    id: 'document-cors',
    group: 'Browsers',
    title: 'Web pages can read the metadata document',
    level: 'recommended',
    rfc: 'RFC 9700 section 2.6',
    why: 'Clients that run in a browser, MCP inspectors among them, cannot discover the authorization server.',
    fix: 'Send Access-Control-Allow-Origin: * with the document: it is public.',
    async run (subject) {
      const { request: { url } } = await documentExchange(subject)
      const exchange = await subject.get(url, [['Origin', subject.options.origin]])
      const allowed = headerOf(exchange.response, 'access-control-allow-origin')
      return failsWith(allowed === '*' || allowed === subject.options.origin ? null : 'they cannot', 'they can', exchange)
    }
  }
]
