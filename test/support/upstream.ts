import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** A request as an upstream got it. */
export interface Received {
  readonly method: string
  readonly url: string
  /** Names in lower case and values in turn, in the order in which they came. */
  readonly headers: string[]
  /** The values of a header, in order. */
  all (name: string): string[]
  readonly body: Buffer
}

export type Respond = (received: Received, response: ServerResponse, request: IncomingMessage) => void

export interface TestUpstream {
  /** `http://127.0.0.1:port` */
  readonly origin: string
  readonly received: Received[]
  /** The connections that are open now. */
  readonly sockets: ReadonlySet<Socket>
  /** Answers in another way from now on. */
  respond (respond: Respond): void
  close (): void
}

/** A server on loopback that keeps what it was asked; closed when the test ends. The body is read first unless `early` says otherwise. */
export async function startUpstream (
  t: { teardown (close: () => unknown): unknown }, respond: Respond = (_received, response) => { response.end('ok') }, { early = false } = {}
): Promise<TestUpstream> {
  const received: Received[] = []
  const sockets = new Set<Socket>()
  let answer = respond
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    const headers = request.rawHeaders.map((text, i) => i % 2 === 0 ? text.toLowerCase() : text)
    const make = (): Received => ({
      method: request.method!,
      url: request.url!,
      headers,
      all: name => headers.filter((_, i) => i % 2 === 1 && headers[i - 1] === name),
      body: Buffer.concat(chunks)
    })
    const act = (): void => {
      const one = make()
      received.push(one)
      answer(one, response, request)
    }
    if (early) return act()
    request.on('data', (chunk: Buffer) => chunks.push(chunk)).once('end', act)
  })
  server.on('connection', socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket)).on('error', () => {})
  })
  const close = (): void => {
    server.close()
    server.closeAllConnections()
  }
  t.teardown(close)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    sockets,
    respond (other) { answer = other },
    close
  }
}
