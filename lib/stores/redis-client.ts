import { createHash } from 'node:crypto'
import { OptionError } from '../errors/errors.ts'
import { RedisStoreError } from '../errors/store-errors.ts'

/** A client of `redis` (node-redis) for one server, a pool, or any object with a `sendCommand` that takes the command as a list of strings. */
export interface NodeRedisClient {
  readonly masters?: undefined
  readonly getMasterNode?: undefined
  sendCommand (command: string[]): Promise<unknown>
}

/** A cluster of `redis` (node-redis): `createCluster`. It is told which key decides about the node. */
export interface NodeRedisClusterClient {
  readonly masters: readonly object[]
  readonly getMasterNode?: undefined
  sendCommand (firstKey: string | undefined, isReadonly: boolean, command: string[]): Promise<unknown>
}

/** A sentinel client of `redis` (node-redis): `createSentinel`. */
export interface NodeRedisSentinelClient {
  readonly masters?: undefined
  getMasterNode (): unknown
  sendCommand (isReadonly: boolean, command: string[]): Promise<unknown>
}

/** A client of `ioredis`: `Redis`, with sentinels or without, or `Cluster`. */
export interface IoredisClient {
  readonly masters?: undefined
  readonly getMasterNode?: undefined
  call (command: string, ...words: string[]): Promise<unknown>
}

/** A Redis or Valkey client for one server, sentinels or a cluster, which the host connects and closes. */
export type RedisClient = NodeRedisClient | NodeRedisClusterClient | NodeRedisSentinelClient | IoredisClient

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
    const name = command[0]!
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
      signal?.addEventListener('abort', abort)
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
  if (typeof sendCommand !== 'function') throw new OptionError('client must be a client of redis or ioredis, or have a function sendCommand')
  // Reads are sent to the primary as well: a replica may not know yet what was revoked.
  if (isNodeRedisCluster(client)) return async command => await client.sendCommand(firstKeyOf(command), false, command)
  if (isNodeRedisSentinel(client)) return async command => await client.sendCommand(false, command)
  return async command => await sendCommand.call(client, command)
}

function isNodeRedisCluster (client: unknown): client is NodeRedisClusterClient {
  return 'masters' in Object(client)
}

function isNodeRedisSentinel (client: unknown): client is NodeRedisSentinelClient {
  return typeof (client as Partial<NodeRedisSentinelClient>).getMasterNode === 'function'
}

/** Whether one client can send commands while it is subscribed, as it has connections of its own for subscriptions. */
export function hasOwnSubscriptions (client: unknown): boolean {
  // `nodes` is a function of a Cluster of ioredis.
  return isNodeRedisCluster(client) || isNodeRedisSentinel(client) || typeof (client as { readonly nodes?: unknown }).nodes === 'function'
}

/** Scripts name the number of their keys first. Every other command of this package begins with its key. */
function firstKeyOf (command: readonly string[]): string | undefined {
  return command[command[0] === 'EVAL' || command[0] === 'EVALSHA' ? 3 : 1]
}

/** Runs a Lua script with keys that are all in one slot, and arguments. It throws what {@link SendCommand} throws. */
export type RunScript = (keys: readonly string[], args: readonly string[]) => Promise<unknown>

/**
 * A script that is sent by its digest, and as a whole where the server does not know it: after a restart, a failover, or on
 * a service without `EVALSHA`.
 */
export function createScript (send: SendCommand, source: string): RunScript {
  const digest = createHash('sha1').update(source).digest('hex')
  return async (keys, args) => {
    const words = [String(keys.length), ...keys, ...args]
    try {
      return await send(['EVALSHA', digest, ...words])
    } catch (error) {
      if (!(error instanceof RedisStoreError) || !/NOSCRIPT|unknown command/i.test(error.message)) throw error
      return await send(['EVAL', source, ...words])
    }
  }
}

/** Removes the arguments from an error of Redis: for an unknown command its message quotes them, and they may be secrets. */
function wordsOf (error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : 'unknown error'
  return text.split(/, with args/, 1)[0]!.slice(0, 200)
}
