import { timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { BrowserSession, Sessions } from '../host/sessions.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who sits in front of the browser; `null` when nobody is signed in. */
    browserSession: BrowserSession | null
  }
}

export interface SessionOptions {
  sessions: Sessions
  /** The origin that the forms are on. */
  origin: string
}

/** Knows who is signed in, and takes forms from its own pages alone. */
async function plugin (app: FastifyInstance, { sessions, origin }: SessionOptions): Promise<void> {
  app.decorateRequest('browserSession', null)
  app.addHook('onRequest', async request => { request.browserSession = await sessions.of(request) })
  // Not earlier: the token of a form is in its body.
  app.addHook('preHandler', async request => { if (request.method !== 'GET' && request.method !== 'HEAD') checkForm(request, origin) })
}

/**
 * Refuses a form that another site made the browser send. Every browser of the last years says where a form comes from,
 * which is all there is to go by while nobody is signed in; afterwards it has to bring the token of the session as well.
 */
function checkForm ({ headers, browserSession, body }: FastifyRequest, origin: string): void {
  const site = headers['sec-fetch-site']
  const foreign = (headers.origin !== undefined && headers.origin !== origin) || (site !== undefined && site !== 'same-origin')
  const token = (body as { form_token?: unknown } | undefined)?.form_token
  if (foreign || (browserSession !== null && !isSame(token, browserSession.formToken))) {
    throw Object.assign(new Error('This form does not come from the page you were on, or you have signed in anew since.'), { statusCode: 403 })
  }
}

function isSame (given: unknown, expected: string): boolean {
  if (typeof given !== 'string') return false
  const [one, other] = [Buffer.from(given), Buffer.from(expected)]
  return one.length === other.length && timingSafeEqual(one, other)
}

export const session = fp(plugin, { name: 'example-session', fastify: '5.x' })
