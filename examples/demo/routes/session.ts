import { timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { BrowserSession, Sessions } from '../host/sessions.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The session of the browser; `null` when no user is signed in. */
    browserSession: BrowserSession | null
  }
}

export interface SessionOptions {
  sessions: Sessions
  /** The origin that the forms are on. */
  origin: string
}

/** Reads the session of each request, refuses forms that other sites send, and forgets a notice once a page has shown it. */
async function plugin (app: FastifyInstance, { sessions, origin }: SessionOptions): Promise<void> {
  app.decorateRequest('browserSession', null)
  app.addHook('onRequest', async request => { request.browserSession = await sessions.of(request) })
  app.addHook('onSend', async (request, reply) => {
    const { browserSession } = request
    const isPage = /^text\/html/.test(String(reply.getHeader('content-type')))
    if (browserSession != null && browserSession.notice !== null && isPage) await sessions.setNotice(browserSession, null)
  })
  // Not earlier: the token of a form is in its body.
  app.addHook('preHandler', async request => { if (request.method !== 'GET' && request.method !== 'HEAD') checkForm(request, origin) })
}

/**
 * Refuses a form that another site made the browser send. Every current browser says where a form comes from; during a
 * session the form also needs the token of the session.
 */
function checkForm ({ headers, browserSession, body }: FastifyRequest, origin: string): void {
  const site = headers['sec-fetch-site']
  const foreign = (headers.origin !== undefined && headers.origin !== origin) || (site !== undefined && site !== 'same-origin')
  const token = (body as { form_token?: unknown } | undefined)?.form_token
  if (foreign || (browserSession !== null && !isSame(token, browserSession.formToken))) {
    throw Object.assign(new Error('The form came from another site, or you have signed in again since the page was opened.'), { statusCode: 403 })
  }
}

function isSame (given: unknown, expected: string): boolean {
  if (typeof given !== 'string') return false
  const [one, other] = [Buffer.from(given), Buffer.from(expected)]
  return one.length === other.length && timingSafeEqual(one, other)
}

export const session = fp(plugin, { name: 'example-session', fastify: '5.x' })
