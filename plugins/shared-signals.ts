import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { signalEvent } from '../lib/audit/signal-events.ts'
import type { PushSettings } from '../lib/config/shared-signals.ts'
import { isOAuthResourceError } from '../lib/errors/errors.ts'
import { SetError } from '../lib/errors/set-error.ts'
import { createSignalReceiver } from '../lib/resource/create-signal-receiver.ts'
import type { PollParts } from '../lib/shared-signals/poll.ts'
import { createPollLoop } from '../lib/shared-signals/poll.ts'
import { maxSetLength, setRefused } from '../lib/shared-signals/security-event-token.ts'
import { hiddenRoute } from './shared/server.ts'

type Receive = PollParts['receive']

// Async: Fastify reports to the caller of `register` only what an async plugin throws.
const plugin: FastifyPluginAsync = async app => {
  const { oauthConfig, oauthResource: { audit } } = app
  const { sharedSignals, fetch, clock } = oauthConfig
  for (const transmitter of sharedSignals!.transmitters) {
    const { push, poll } = transmitter
    const receiver = createSignalReceiver(oauthConfig, transmitter, app.log)
    const receiveBy = (statusCode: number | null, route: string | null): Receive => async text =>
      await receiver.receive(text, signal => audit.record(signalEvent(signal, { statusCode, route, time: clock.now() }), app.log))
    if (push !== null) await app.register(async scope => addRoute(scope, push, receiveBy(202, `POST ${scope.prefix}${push.path}`)))
    if (poll !== null) {
      const loop = createPollLoop({ settings: poll, receive: receiveBy(null, null), fetch, log: app.log })
      app.addHook('onReady', async () => loop.start())
      app.addHook('onClose', async () => await loop.stop())
    }
  }
}

/** RFC 8935 section 2.1. In a scope of its own, which reads no other media type. */
function addRoute (scope: FastifyInstance, { path, isAuthorized }: PushSettings, receive: Receive): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('application/secevent+jwt', { parseAs: 'string', bodyLimit: maxSetLength }, (_request, body, done) => done(null, body))
  scope.route({
    method: 'POST',
    url: path,
    config: { oauth: false },
    schema: hiddenRoute,
    errorHandler: sendError,
    // Before the body is read.
    onRequest: async ({ headers }) => {
      if (!isAuthorized(headers.authorization)) throw setRefused('authentication_failed', 'the Authorization header is not the one of the stream')
    },
    handler: async ({ body }: FastifyRequest, reply: FastifyReply) => {
      await receive(String(body))
      return reply.code(202).send()
    }
  })
}

/** RFC 8935 section 2.3. Transmitters read this body; the error handler of the host renders the errors of its own API. */
function sendError (error: FastifyError | SetError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.header('cache-control', 'no-store')
  if (error instanceof SetError) return refuse(reply, error)
  const { statusCode = 500 } = error
  // Another media type, or a body that is too long or incomplete.
  if (statusCode < 500) return refuse(reply, setRefused('invalid_request', 'the request must be one security event token, of the media type application/secevent+jwt'))
  if (!isOAuthResourceError(error)) request.log.error({ err: error }, 'a security event token could not be processed')
  return reply.code(statusCode).send({ statusCode, error: STATUS_CODES[statusCode], message: 'The security event token cannot be processed at the moment' })
}

function refuse (reply: FastifyReply, { statusCode, err, message }: SetError): FastifyReply {
  return reply.code(statusCode).header('content-language', 'en').send({ err, description: message })
}

/** Receives shared signals (SSF 1.0), pushed to routes and polled for. It is registered only where the options name transmitters. */
export const sharedSignals: FastifyPluginAsync = fp(plugin, {
  name: 'fastify-oauth-resource-server/shared-signals',
  fastify: '5.x',
  dependencies: ['fastify-oauth-resource-server/config']
})
