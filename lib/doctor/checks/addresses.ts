import type { Check, CheckResult } from '../check.ts'
import { fails, failsWith, holds, notApplicable } from '../check.ts'
import { documentExchange } from '../document.ts'
import type { Exchange, HeaderList } from '../exchange.ts'
import { headerOf } from '../exchange.ts'
import type { Subject } from '../subject.ts'

const foreign = 'spoofed.example'

/** Sends headers that name another host, and looks for that host in the challenge, in redirects and in the document. */
async function checkReflection (subject: Subject, headers: HeaderList): Promise<CheckResult> {
  const pointer = await subject.pointer()
  const answers: Exchange[] = [await subject.send({ headers })]
  const document = await documentExchange(subject).catch(() => null)
  if (document !== null) answers.push(await subject.get(document.request.url, headers))
  const [refusal, second] = answers as [Exchange, Exchange | undefined]
  const changed = pointer !== null && refusal.response.status === 401 && !String(headerOf(refusal.response, 'www-authenticate')).includes(pointer)
  const reflecting = answers.find(({ response }) =>
    ['www-authenticate', 'location'].some(name => headerOf(response, name)?.includes(foreign) === true)) ??
    // A refusal that quotes the header is no document.
    (second?.response.status === 200 && second.response.text.includes(foreign) ? second : changed ? refusal : undefined)
  return reflecting === undefined ? holds('it does not', ...answers) : fails('the response follows the headers of the request', [reflecting])
}

async function isOpen (subject: Subject, url: string): Promise<Exchange | null> {
  const exchange = await subject.send({ url })
  return exchange.response.status < 300 ? exchange : null
}

/** Other ways to write a path, which routers and guards may read differently. */
function variantsOf (path: string): readonly string[] {
  const last = path.lastIndexOf('/') + 1
  const escaped = `${path.slice(0, last)}%${path.charCodeAt(last).toString(16)}${path.slice(last + 1)}`
  return [path.replace(/^(.*?)(\/?)$/, (_whole, bare: string, slash: string) => slash === '' ? `${bare}/` : bare), `/${path}`, path.toUpperCase(), escaped, `${path};doctor=1`, `${path}/.`]
}

async function unrouted (subject: Subject): Promise<Exchange> {
  const { origin } = new URL(subject.options.url)
  return await subject.once('unrouted', async () => await subject.send({ url: `${origin}/no-route-has-this-path`, method: 'GET' }))
}

/** Headers and paths that a stranger chooses. */
export const addressChecks: readonly Check[] = [
  {
    id: 'spoofed-host',
    group: 'Addresses and paths',
    title: 'A foreign Host header changes neither challenge nor document',
    level: 'required',
    rfc: 'RFC 9728 section 7.3',
    why: 'An attacker whose response is cached, or who controls a link, sends clients to an authorization server of their own.',
    fix: 'Build advertised URLs from the configuration, never from the request.',
    run: async subject => await checkReflection(subject, [['Host', foreign]])
  },
  {
    id: 'spoofed-forwarded',
    group: 'Addresses and paths',
    title: 'Forwarded and X-Forwarded-… headers of a client change neither',
    level: 'required',
    rfc: 'RFC 9728 section 7.3, RFC 7239 section 8.1',
    why: 'The same; these headers are only worth something when the own proxy has set them.',
    fix: 'Build advertised URLs from the configuration. Let the proxy overwrite these headers, and trust only that proxy.',
    run: async subject => await checkReflection(subject, [
      ['Forwarded', `host=${foreign};proto=http`], ['X-Forwarded-Host', foreign], ['X-Forwarded-Proto', 'http'], ['X-Forwarded-Port', '8443'],
      ['X-Forwarded-Prefix', `/${foreign}`], ['X-Original-Host', foreign], ['X-Original-URL', `https://${foreign}/`]
    ])
  },
  {
    id: 'unrouted-404',
    group: 'Addresses and paths',
    title: 'A URL that no route has gets 404, or is refused',
    level: 'recommended',
    rfc: 'RFC 9110 section 15.5.5',
    why: 'Clients try well-known URLs and take every success for an answer.',
    fix: 'Answer 404. A page for people should not be the answer to every URL of an API.',
    async run (subject) {
      const exchange = await unrouted(subject)
      const { status } = exchange.response
      return failsWith(status < 300 || status >= 500 ? `it got ${status}` : null, `it got ${status}`, exchange)
    }
  },
  {
    id: 'path-variants',
    group: 'Addresses and paths',
    title: 'The route is not open under another spelling of its path',
    level: 'required',
    rfc: 'RFC 3986 section 6, RFC 9700 section 4.3.2',
    why: 'A guard that compares paths lets another spelling through: a slash at the end, other case, an escaped letter.',
    fix: 'Attach the guard to the route, and not to a path.',
    async run (subject) {
      await subject.refusal()
      const { origin, pathname, search } = new URL(subject.options.url)
      if (pathname === '/') return notApplicable('the URL has no path')
      if ((await unrouted(subject)).response.status < 300) return notApplicable('every URL of this server is answered')
      for (const path of variantsOf(pathname)) {
        const open = await isOpen(subject, `${origin}${path}${search}`)
        if (open !== null) return fails(`${path} got ${open.response.status} without a token`, [open])
      }
      return holds('it is not')
    }
  }
]
