'use strict'

module.exports = async function (fastify) {
  fastify.get('/', { config: { oauth: { scopes: ['items:read'] } } }, async request => ({ subject: request.accessToken.subject }))
  fastify.get('/missing', async (request, reply) => reply.notFound())
}
