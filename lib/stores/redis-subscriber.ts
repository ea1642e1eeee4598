import { OptionError } from '../errors/errors.ts'
import { hasOwnSubscriptions } from './redis-client.ts'

type Listener = (message: string, channel: string) => unknown

/** A client of `redis` (node-redis) that subscribes, of any topology. */
export interface NodeRedisSubscriber {
  subscribe (channels: string[], listener: Listener): Promise<unknown>
  /** Is given the listener of `subscribe`. */
  unsubscribe (channels: string[], listener: never): Promise<unknown>
}

/** A client of `ioredis` that subscribes: `Redis`, with sentinels or without, or `Cluster`. */
export interface IoredisSubscriber {
  subscribe (...channels: string[]): Promise<unknown>
  unsubscribe (...channels: string[]): Promise<unknown>
  on (event: 'message', listener: (channel: string, message: string) => void): unknown
  off (event: 'message', listener: (channel: string, message: string) => void): unknown
}

/**
 * A client that is used for subscriptions alone, which the host connects and closes: `client.duplicate()`. Clusters, and
 * sentinels of `redis`, have connections of their own for subscriptions: there it may be the client that sends commands.
 */
export type RedisSubscriber = NodeRedisSubscriber | IoredisSubscriber

/** Listens to a few channels. Both kinds of clients subscribe again by themselves when their connection was lost. */
export interface Subscription {
  /** Subscribes; it may be called again after a failure. */
  start (): Promise<unknown>
  /** Unsubscribes, and leaves no listener behind. It never rejects. */
  stop (): Promise<void>
}

/**
 * @param shared a channel to which other stores may listen over the same client
 * @param own a channel of this store alone
 * @param onMessage never throws
 * @throws OptionError
 */
export function createSubscription (
  subscriber: unknown, client: unknown, shared: string, own: string, onMessage: (channel: string, message: string) => void
): Subscription {
  const { subscribe, unsubscribe, call } = Object(subscriber) as { readonly subscribe?: unknown, readonly unsubscribe?: unknown, readonly call?: unknown }
  if (typeof subscribe !== 'function' || typeof unsubscribe !== 'function') {
    throw new OptionError('subscriber must be a client of redis or ioredis with subscribe and unsubscribe, such as client.duplicate()')
  }
  if (subscriber === client && !hasOwnSubscriptions(client)) {
    throw new OptionError('subscriber must be another client than client, such as client.duplicate(): a connection that is subscribed sends no other commands')
  }
  const names = [shared, own]
  if (typeof call === 'function') {
    const theirs = subscriber as IoredisSubscriber
    theirs.on('message', onMessage)
    return {
      start: async () => await theirs.subscribe(...names),
      async stop () {
        theirs.off('message', onMessage)
        await theirs.unsubscribe(own).catch(nothing)
      }
    }
  }
  const theirs = subscriber as NodeRedisSubscriber
  // One function: subscribing with it again adds no second listener.
  const listener: Listener = (message, channel) => onMessage(channel, message)
  return {
    start: async () => await theirs.subscribe(names, listener),
    stop: async () => { await theirs.unsubscribe(names, listener as never).catch(nothing) }
  }
}

function nothing (): void {}
