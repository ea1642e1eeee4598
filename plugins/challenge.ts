import type { FastifyInstance, FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { formatChallenge } from '../lib/challenge/format.ts'
import { fieldLines, mergeChallenges } from '../lib/challenge/merge.ts'
import type { OAuthConfig } from '../lib/config/resolve.ts'
import type { OAuthResourceError, UnavailableError } from '../lib/errors.ts'
import { OptionError, findOAuthResourceError } from '../lib/errors.ts'
import type { Challenger, Refusal } from '../lib/policy/challenger.ts'
import { createChallenger, refusalOf, refusedElsewhere } from '../lib/policy/challenger.ts'
import type { RouteRule } from '../lib/policy/route-rule.ts'
import { defaultRule } from '../lib/policy/route-rule.ts'
import { readCredentials } from '../lib/token/credentials.ts'

/** The headers of a refusal, for `reply.raw.writeHead` of a reply that was hijacked. */
export type ChallengeHeaders = Record<string, string | string[]>

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

/** RFC 6750 section 3: a refusal for want of a usable token has a challenge, be it 400, 401 or 403. */
function needsChallenge ({ statusCode, oauthError }: OAuthResourceError): boolean {
  return statusCode === 401 || oauthError === 'invalid_request' || oauthError === 'insufficient_scope'
}

/** @param error `null` for a 401 that somebody else made */
function headersFor (request: FastifyRequest, reply: FastifyReply, error: OAuthResourceError | null): ChallengeHeaders {
  if (error !== null && !needsChallenge(error)) return retryAfter(reply, error)
  const rule = ruleOf(request)
  if (rule.challenge === 'none') return {}
  return {
    'www-authenticate': challengeValues(request, reply, rule, error),
    'cache-control': 'no-store',
    ...exposed(request, reply)
  }
}

function retryAfter (reply: FastifyReply, error: OAuthResourceError): ChallengeHeaders {
  if (error.statusCode !== 503 || reply.hasHeader('retry-after')) return {}
  return { 'retry-after': String((error as UnavailableError).retryAfterSeconds) }
}

function challengeValues (
  request: FastifyRequest, reply: FastifyReply, rule: RouteRule, error: OAuthResourceError | null
): string | string[] {
  if (rule.pinnedChallenge !== null && (error === null || error.statusCode === 401)) return rule.pinnedChallenge
  const existing = rule.challenge === 'replace' ? undefined : reply.getHeader('www-authenticate')
  if (existing !== undefined && rule.challenge === 'keep') return oneOrSeveral(fieldLines(existing))

  const challenger = challengerOf(request.server.oauthConfig)
  const refusal = refusalFor(request, error)
  if (existing === undefined) return refusal === null ? challenger.stock(rule) : formatChallenge(challenger.challenge(rule, refusal))

  const { values, droppedUnreadable } = mergeChallenges(existing, challenger.challenge(rule, refusal))
  if (droppedUnreadable) request.log.warn('a WWW-Authenticate header that is not of the grammar of RFC 9110 was replaced')
  return oneOrSeveral(values)
}

function oneOrSeveral (lines: readonly string[]): string | string[] {
  return lines.length === 1 ? lines[0]! : [...lines]
}

/** An `error` goes to those alone who presented a token (RFC 6750 section 3.1). */
function refusalFor (request: FastifyRequest, error: OAuthResourceError | null): Refusal | null {
  if (error !== null) return error.oauthError === null ? null : refusalOf(error)
  return readCredentials(request.raw.rawHeaders).kind === 'none' ? null : refusedElsewhere
}

/** Script in a browser reads the challenge only when it is exposed; what the application exposes already stays exposed. */
function exposed (request: FastifyRequest, reply: FastifyReply): ChallengeHeaders {
  if (request.headers.origin === undefined && !reply.hasHeader('access-control-allow-origin')) return {}
  const names = fieldLines(reply.getHeader('access-control-expose-headers')).flatMap(line => line.split(','))
    .map(name => name.trim()).filter(name => name !== '')
  if (!names.some(name => name.toLowerCase() === 'www-authenticate')) names.push('WWW-Authenticate')
  return { 'access-control-expose-headers': names.join(', ') }
}

function challengerOf (config: OAuthConfig): Challenger {
  let challenger = challengers.get(config)
  if (challenger === undefined) {
    challenger = createChallenger(config)
    challengers.set(config, challenger)
  }
  return challenger
}

function ruleOf (request: FastifyRequest): RouteRule {
  try {
    return request.oauthRule
  } catch {
    // A rule that makes no sense has been refused where it decides; a 401 gets its hint all the same.
    return defaultRule
  }
}

/** Completes every 401, whoever made it, and this package's own refusals, with the challenge (RFC 9728 section 5). */
export const challenge: FastifyPluginCallback = fp(plugin, {
  name: 'fastify-oauth-resource-server/challenge',
  fastify: '5.x',
  dependencies: ['fastify-oauth-resource-server/config']
})
