export default async function (app) {
  app.get('/', { config: { oauth: { scopes: ['items:read'] } } }, async request => ({ subject: request.subject }))
}
