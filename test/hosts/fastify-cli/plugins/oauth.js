'use strict'

const fp = require('fastify-plugin')

// In alphabetical order, as autoload reads the folder, this comes before plugins/sensible.js.
module.exports = fp(async function (fastify) {
  fastify.register(require('fastify-oauth-resource-server'), JSON.parse(process.env.OAUTH_OPTIONS))
})
