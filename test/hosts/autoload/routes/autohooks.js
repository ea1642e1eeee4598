/** Registered after the plugin, so the token of a request is known here. */
export default async function (app) {
  app.decorateRequest('subject', null)
  app.addHook('onRequest', async request => { request.subject = request.accessToken?.subject ?? null })
}
