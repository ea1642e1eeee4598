'use strict'

module.exports = async function (fastify) {
  fastify.get('/health', { config: { oauth: false } }, async () => ({ status: 'ok' }))
}
