import oauthResourceServer from 'fastify-oauth-resource-server'

export const autoConfig = JSON.parse(process.env.OAUTH_OPTIONS)
export default oauthResourceServer
