import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'

/** The ways in which an application refuses a request: a route each, in `app` and in a scope with its own error handler. */
export function addRefusals (app: FastifyInstance): readonly string[] {
  const unauthorized = (): Error => Object.assign(new Error('no entry'), { statusCode: 401 })
  app.get('/thrown', async () => { throw unauthorized() })
  app.get('/thrown-status', async () => { throw Object.assign(new Error('no entry'), { status: 401 }) })
  app.get('/thrown-at-once', () => { throw unauthorized() })
  app.get('/sent-error', (_request, reply) => reply.send(unauthorized()))
  app.get('/returned', async (_request, reply) => await reply.code(401).send({ error: 'no entry' }))
  app.get('/returned-value', async (_request, reply) => { reply.code(401); return { error: 'no entry' } })
  app.get('/empty', (_request, reply) => reply.code(401).send())
  app.get('/text', (_request, reply) => reply.code(401).type('text/html').send('<h1>no</h1>'))
  app.get('/buffer', (_request, reply) => reply.code(401).send(Buffer.from([1, 2, 3])))
  app.get('/streamed', (_request, reply) => reply.code(401).send(Readable.from(['no ', 'entry'])))
  app.get('/web-stream', (_request, reply) => reply.code(401).send(new Response('no entry').body))
  app.get('/in-on-request', { onRequest: async () => { throw unauthorized() } }, async () => 'in')
  app.get('/in-pre-handler', { preHandler: async (_request, reply) => await reply.code(401).send('no') }, async () => 'in')
  app.get('/in-pre-serialization', { preSerialization: async () => { throw unauthorized() } }, async () => ({}))
  app.get('/in-on-send', { onSend: async () => { throw unauthorized() } }, async () => 'in')
  app.register(async child => {
    child.setErrorHandler(async (error: Error, _request, reply) => await reply.code(401).send({ mine: error.message }))
    child.get('/child-handler', async () => { throw new Error('anything') })
    child.register(async grandchild => {
      grandchild.setErrorHandler(() => { throw unauthorized() })
      grandchild.get('/grandchild-rethrows', async () => { throw new Error('anything') })
    })
  })
  return [
    '/thrown', '/thrown-status', '/thrown-at-once', '/sent-error', '/returned', '/returned-value', '/empty', '/text', '/buffer', '/streamed',
    '/web-stream', '/in-on-request', '/in-pre-handler', '/in-pre-serialization', '/in-on-send', '/child-handler', '/grandchild-rethrows'
  ]
}
