import type { FastifyInstance, FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { OAuthResourceError } from '../lib/errors/errors.ts'
import { OptionError } from '../lib/errors/errors.ts'
import type { ChallengeHeaders } from '../lib/refusal/refusal-headers.ts'
import { refusalHeaders } from '../lib/refusal/refusal-headers.ts'
import { credentialsOf, policyOf, refusalOf, schemeOf } from './shared/request-state.ts'

declare module 'fastify' {
  interface FastifyReply {
    /**
     * The headers that a 401 of this route would get, or those of one of this package's errors with its own status, for
     * replies that Fastify does not send: `reply.raw.writeHead(401, reply.oauthChallengeHeaders())`.
     */
    oauthChallengeHeaders (error?: OAuthResourceError): ChallengeHeaders
  }
}

const plugin: FastifyPluginCallback = (app, _options, done) => {
  if (!app.hasReplyDecorator('oauthChallengeHeaders')) {
    app.decorateReply('oauthChallengeHeaders', function (this: FastifyReply, error?: OAuthResourceError) {
      return headersFor(this.request, this, error ?? null)
    })
  }
  app.addHook('onError', ({ oauthRefusal }, reply, error, next) => {
    // An application that wraps one of our errors and sets no status means the status that our error had. An error
    // handler still decides. (500 is what Fastify has put there already when the requests are traced.)
    const unset = reply.statusCode === 200 || reply.statusCode === 500
    if (oauthRefusal !== null && unset && !hasStatus(error)) reply.code(oauthRefusal.statusCode)
    next()
  })
  app.addHook('onSend', (request, reply, _payload, next) => {
    completeHeaders(request, reply)
    next()
  })
  app.addHook('onReady', next => {
    next(checkPointers(app))
  })
  done()
}

/** A pointer that leads nowhere is worse than none (RFC 9728 section 5). */
function checkPointers ({ oauthConfig, oauthDocuments, oauthResource }: FastifyInstance): OptionError | undefined {
  const { resource, metadataUrl, identifier: { origin }, documentServedElsewhere } = oauthConfig
  if (documentServedElsewhere) return undefined
  if (!oauthDocuments.has(resource)) {
    return new OptionError(
      `resource ${JSON.stringify(resource)}: challenges point at ${metadataUrl}, which this server does not serve; ` +
      'register the metadata plugin too, or set documentServedElsewhere')
  }
  for (const [pointer, route] of oauthResource.policies.pinnedPointers) {
    if (pointer.startsWith(`${origin}/`) && oauthDocuments.find(pointer.slice(origin.length), new URL(origin).host) === null) {
      return new OptionError(`config.oauth of ${route}: pinnedChallenge points at ${pointer}, which this server does not serve`)
    }
  }
  return undefined
}

/** What Fastify looks for in an error. */
function hasStatus (error: { statusCode?: unknown, status?: unknown }): boolean {
  return error.statusCode !== undefined || error.status !== undefined
}

/** Completes the headers of a refusal, whichever party refused. Status and body stay as they are. */
function completeHeaders (request: FastifyRequest, reply: FastifyReply): void {
  const status = reply.statusCode
  if (status < 400) return
  const refusal = refusalOf(request, status)
  if (status !== 401 && refusal === null) return
  for (const [name, value] of Object.entries(headersFor(request, reply, refusal))) reply.header(name, value)
}

/** @param error `null` for a 401 of the application or another plugin */
function headersFor (request: FastifyRequest, reply: FastifyReply, error: OAuthResourceError | null): ChallengeHeaders {
  const { oauthResource: { challenger } } = request.server
  const { headers, droppedUnreadable } = refusalHeaders({
    error,
    policy: policyOf(request),
    hasCredentials: credentialsOf(request).kind !== 'none',
    scheme: schemeOf(request),
    hasOrigin: request.headers.origin !== undefined || reply.hasHeader('access-control-allow-origin'),
    existing: {
      challenge: reply.getHeader('www-authenticate'),
      exposedHeaders: reply.getHeader('access-control-expose-headers'),
      retryAfter: reply.getHeader('retry-after')
    }
  }, challenger)
  if (droppedUnreadable) request.log.warn('a WWW-Authenticate header that does not follow the grammar of RFC 9110 was replaced')
  return headers
}

/** Completes every 401, whichever party made it, and this package's own refusals, with the challenge (RFC 9728 section 5). */
export const challenge: FastifyPluginCallback = fp(plugin, {
  name: 'fastify-oauth-resource-server/challenge',
  fastify: '5.x',
  dependencies: ['fastify-oauth-resource-server/config']
})
