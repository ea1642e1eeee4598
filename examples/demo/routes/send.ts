import type { FastifyReply } from 'fastify'

const policy = ["default-src 'none'", "style-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"]

/** Of pages that ask for a decision: they are neither framed nor kept. */
export const pageHeaders: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': policy.join('; '),
  // Not no-referrer: then forms would not say where they come from, either.
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff'
}

/** Forms of these pages end here. Those of an authorization request do not: they end at the client, wherever that is. */
export const ownFormsOnly = { 'content-security-policy': [...policy, "form-action 'self'"].join('; ') }

export function sendPage (reply: FastifyReply, page: string): FastifyReply {
  for (const [name, value] of Object.entries(pageHeaders)) if (!reply.hasHeader(name)) reply.header(name, value)
  return reply.type('text/html; charset=utf-8').send(page)
}
