import type { FastifyInstance, FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { OAuthConfig } from '../lib/config/resolve.ts'
import type { OAuthResourceError } from '../lib/errors/errors.ts'
import { OptionError, findOAuthResourceError } from '../lib/errors/errors.ts'
import type { Challenger } from '../lib/refusal/challenger.ts'
import { createChallenger } from '../lib/refusal/challenger.ts'
import type { ChallengeHeaders } from '../lib/refusal/refusal-headers.ts'
import { refusalHeaders } from '../lib/refusal/refusal-headers.ts'
import type { RoutePolicy } from '../lib/policy/route-policy.ts'
import { defaultPolicy } from '../lib/policy/route-policy.ts'
import { readCredentials } from '../lib/token/credentials.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Why this package refused the request; `null` while it has not. */
    oauthRefusal: OAuthResourceError | null
  }
  interface FastifyReply {
    /**
     * The headers that a 401 of this route would get, or those of one of this package's errors with its own status, for
     * replies that Fastify does not send: `reply.raw.writeHead(401, reply.oauthChallengeHeaders())`.
     */
    oauthChallengeHeaders (error?: OAuthResourceError): ChallengeHeaders
  }
}

const challengers = new WeakMap<OAuthConfig, Challenger>()

const plugin: FastifyPluginCallback = (app, _options, done) => {
  if (!app.hasRequestDecorator('oauthRefusal')) app.decorateRequest('oauthRefusal', null)
  if (!app.hasReplyDecorator('oauthChallengeHeaders')) {
    app.decorateReply('oauthChallengeHeaders', function (this: FastifyReply, error?: OAuthResourceError) {
      return headersFor(this.request, this, error ?? null)
    })
  }
  app.addHook('onError', (request, reply, error, next) => {
    const refusal = findOAuthResourceError(error)
    request.oauthRefusal = refusal
    // An application that wraps one of our errors and says nothing about the status means the one it had. An error
    // handler still has the last word. (500 is what Fastify has put there already when somebody traces its requests.)
    const unsaid = reply.statusCode === 200 || reply.statusCode === 500
    if (refusal !== null && unsaid && !hasStatus(error)) reply.code(refusal.statusCode)
    next()
  })
  app.addHook('onSend', (request, reply, _payload, next) => {
    answer(request, reply)
    next()
  })
  app.addHook('onReady', function (next) {
    next(checkPointers(app))
  })
  done()
}

/** A hint that leads nowhere is worse than none (RFC 9728 section 5). */
function checkPointers ({ oauthConfig, oauthDocuments, oauthRules }: FastifyInstance): OptionError | undefined {
  const { resource, metadataUrl, identifier: { origin }, documentServedElsewhere } = oauthConfig
  if (documentServedElsewhere) return undefined
  if (!oauthDocuments.has(resource)) {
    return new OptionError(
      `resource ${JSON.stringify(resource)}: challenges point at ${metadataUrl}, which this server does not serve; ` +
      'register the metadata plugin too, or set documentServedElsewhere')
  }
  for (const [pointer, route] of oauthRules.pinnedPointers) {
    if (pointer.startsWith(`${origin}/`) && oauthDocuments.find(pointer.slice(origin.length)) === null) {
      return new OptionError(`config.oauth of ${route}: pinnedChallenge points at ${pointer}, which this server does not serve`)
    }
  }
  return undefined
}

/** What Fastify looks for in an error. */
function hasStatus (error: { statusCode?: unknown, status?: unknown }): boolean {
  return error.statusCode !== undefined || error.status !== undefined
}

/** Completes the headers of a refusal, whoever made it. Status and body stay as they are. */
function answer (request: FastifyRequest, reply: FastifyReply): void {
  const status = reply.statusCode
  // An error handler may have turned our error into another answer; then it is not what the client gets.
  const refusal = request.oauthRefusal?.statusCode === status ? request.oauthRefusal : null
  if (status !== 401 && refusal === null) return
  for (const [name, value] of Object.entries(headersFor(request, reply, refusal))) reply.header(name, value)
}

/** @param error `null` for a 401 that somebody else made */
function headersFor (request: FastifyRequest, reply: FastifyReply, error: OAuthResourceError | null): ChallengeHeaders {
  const { headers, droppedUnreadable } = refusalHeaders({
    error,
    rule: ruleOf(request),
    hasCredentials: () => readCredentials(request.raw.rawHeaders, request.server.oauthConfig.tokenHeader).kind !== 'none',
    hasOrigin: request.headers.origin !== undefined || reply.hasHeader('access-control-allow-origin'),
    header: name => reply.getHeader(name)
  }, challengerOf(request.server.oauthConfig))
  if (droppedUnreadable) request.log.warn('a WWW-Authenticate header that is not of the grammar of RFC 9110 was replaced')
  return headers
}

function challengerOf (config: OAuthConfig): Challenger {
  let challenger = challengers.get(config)
  if (challenger === undefined) {
    challenger = createChallenger(config)
    challengers.set(config, challenger)
  }
  return challenger
}

function ruleOf (request: FastifyRequest): RoutePolicy {
  try {
    return request.oauthRule
  } catch {
    // A rule that makes no sense has been refused where it decides; a 401 gets its hint all the same.
    return defaultPolicy
  }
}

/** Completes every 401, whoever made it, and this package's own refusals, with the challenge (RFC 9728 section 5). */
export const challenge: FastifyPluginCallback = fp(plugin, {
  name: 'fastify-oauth-resource-server/challenge',
  fastify: '5.x',
  dependencies: ['fastify-oauth-resource-server/config']
})
