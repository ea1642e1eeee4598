import { once } from 'node:events'
import { createServer } from 'node:http'

/**
 * Listens at a port of the system's choice.
 *
 * @param app of Fastify or Express, or a handler of `node:http`
 */
export async function serve (app) {
  if ('addHook' in app) {
    await app.listen({ port: 0, host: '127.0.0.1' })
    return app.server.address().port
  }
  // Longer than a pause between two rounds.
  const server = createServer({ keepAliveTimeout: 60_000 }, app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server.address().port
}

/** Tells the process that started this one where the servers are, and from then on the CPU time whenever it asks. */
export function report (message) {
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    process.send({ cpu: user + system })
  })
  process.on('disconnect', () => process.exit())
  process.send(message)
}
