import { once } from 'node:events'
import { createServer } from 'node:http'

/**
 * Listens before the application is made, whose configuration contains the port.
 *
 * @typedef {import('node:http').RequestListener} Handler
 * @returns {Promise<{ origin: string, handle (handler: Handler): void, close (): void }>}
 */
export async function listen () {
  const server = createServer()
  await once(server.listen(0, 'localhost'), 'listening')
  return {
    origin: `http://localhost:${server.address().port}`,
    handle: handler => server.on('request', handler),
    close () {
      server.close()
      server.closeAllConnections()
    }
  }
}
