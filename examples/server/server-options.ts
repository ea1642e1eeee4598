import type { FastifyServerOptions } from 'fastify'

/** What both servers have in common. */
export const serverOptions = {
  // stdout is for what the user is to read.
  logger: { level: 'error', stream: process.stderr },
  // Ctrl-C does not wait for connections that are only kept alive.
  forceCloseConnections: true
} as const satisfies FastifyServerOptions
