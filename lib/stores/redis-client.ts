import { OptionError } from '../errors/errors.ts'
import { RedisStoreError } from '../errors/store-errors.ts'

/** A client of `redis` (node-redis), or any object with a `sendCommand` that takes the command as a list of strings. */
export interface NodeRedisClient {
  sendCommand (command: string[]): Promise<unknown>
}

/** A client of `ioredis`. */
export interface IoredisClient {
  call (command: string, ...words: string[]): Promise<unknown>
}

/** A Redis client, which the host connects and closes. */
export type RedisClient = NodeRedisClient | IoredisClient

/**
 * Sends a command.
 *
 * @throws RedisStoreError
 * @throws the reason of the signal, when it was aborted; Redis may still execute the command
 */
export type SendCommand = (command: readonly string[], signal?: AbortSignal) => Promise<unknown>

/**
 * One function to send commands for both kinds of clients. Without a connection, clients queue commands, some without a
 * limit. Therefore each command fails after `timeoutMs`; Redis may still execute it later.
 *
 * @throws OptionError
 */
export function createSendCommand (client: unknown, timeoutMs: number): SendCommand {
  const send = senderOf(client)
  return async (command, signal) => {
    signal?.throwIfAborted()
    const [name = ''] = command
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => end(() => reject(new RedisStoreError(`Redis did not answer ${name} within ${timeoutMs} ms`))), timeoutMs)
      const abort = (): void => {
        const reason: unknown = signal!.reason
        end(() => reject(reason))
      }
      const end = (settle: () => void): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
        settle()
      }
      signal?.addEventListener('abort', abort, { once: true })
      send([...command]).then(
        reply => end(() => resolve(reply)),
        (error: unknown) => end(() => reject(new RedisStoreError(`Redis did not carry out ${name}: ${wordsOf(error)}`)))
      )
    })
  }
}

function senderOf (client: unknown): (command: string[]) => Promise<unknown> {
  const { call, sendCommand } = Object(client) as Partial<IoredisClient & NodeRedisClient>
  // ioredis has a sendCommand too, with other parameters.
  if (typeof call === 'function') return async ([name, ...words]) => await call.call(client, name!, ...words)
  if (typeof sendCommand === 'function') return async command => await sendCommand.call(client, command)
  throw new OptionError('client must be a client of redis or ioredis, or have a function sendCommand')
}

/** Removes the arguments from an error of Redis: for an unknown command its message quotes them, and they may be secrets. */
function wordsOf (error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : 'unknown error'
  return text.split(/, with args/, 1)[0]!.slice(0, 200)
}
