import type { FastifyInstance, FastifyServerOptions } from 'fastify'

/** What the servers log, and where. */
export interface RequestLog {
  /** `info`: each request and each refusal. `error`: only what failed. */
  readonly level: 'info' | 'error'
  readonly stream: { write (line: string): unknown }
}

/** The options that all servers have in common. */
export function serverOptions ({ level, stream }: RequestLog): FastifyServerOptions & { forceCloseConnections: true } {
  return {
    logger: { level, stream },
    // Ctrl-C does not wait for connections that are kept alive.
    forceCloseConnections: true
  }
}

/** Logs each request, without its query: an authorization response has its code there. */
export function logRequests (app: FastifyInstance, server: string, { level }: RequestLog): void {
  if (level !== 'info') return
  app.addHook('onRequest', (request, reply, done) => {
    // Not onResponse: that of a hijacked reply is the same, and this one knows the status in either case.
    reply.raw.once('close', () => {
      request.log.info({ server, status: reply.raw.statusCode, ms: Math.round(reply.elapsedTime) }, `${request.method} ${request.url.split('?', 1)[0]!}`)
    })
    done()
  })
}

interface Line {
  readonly level: number
  readonly time: number
  readonly msg?: string
  readonly server?: string
  readonly status?: number
  readonly ms?: number
  readonly audit?: { readonly reason?: string, readonly route?: string | null, readonly staff?: string | null, readonly customer?: string | null, readonly detail?: unknown }
  readonly err?: { readonly message?: string, readonly stack?: string }
}

/** Prints log lines for people: time, message, and what matters of the rest. */
export function readableStream (output: { write (text: string): unknown }): RequestLog['stream'] {
  return {
    write (text) {
      const { time, msg = '', server, status, ms, audit, err } = JSON.parse(text) as Line
      // Fastify's own two lines for each request, in the place of which there is one of logRequests.
      if (msg === 'incoming request' || msg === 'request completed') return
      const parts = [new Date(time).toISOString().slice(11, 19)]
      if (status === undefined) parts.push(msg)
      else parts.push(String(status), msg, `${ms ?? 0} ms`, `(${server ?? ''})`)
      if (audit !== undefined) {
        const { reason, route, staff, customer, detail } = audit
        parts.push([reason, route, staff && `${staff} as ${customer ?? 'unknown'}`].filter(Boolean).join(', '))
        if (detail) parts.push(JSON.stringify(detail))
      }
      if (err !== undefined) parts.push(err.stack ?? err.message ?? '')
      // A client must not be able to write lines or control sequences into a terminal.
      output.write(`${parts.join('  ').replace(/(?!\n)\p{Cc}/gu, '?')}\n`)
    }
  }
}
