export default async function (app) {
  app.get('/', { config: { oauth: false } }, async () => ({ status: 'ok' }))
}
