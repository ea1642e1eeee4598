import { randomUUID } from 'node:crypto'
import type { OutageGuard } from '../outage.ts'
import type { SendCommand } from '../redis-client.ts'
import { createScript } from '../redis-client.ts'
import { createSubscription } from '../redis-subscriber.ts'
import { withinTime } from '../../time-limit.ts'
import type { RevocationSet } from './revocation-set.ts'
import type { RevocationRecords } from './redis-revocation-records.ts'

export interface RevocationFeedSettings {
  readonly subscriber: unknown
  readonly client: unknown
  readonly send: SendCommand
  readonly outage: OutageGuard
  readonly records: RevocationRecords
  /** What the feed keeps up to date. */
  readonly revocations: RevocationSet
  readonly maxStalenessMs: number
  /** Of a subscription, in milliseconds. */
  readonly timeoutMs: number
  /** Seconds since the epoch. */
  readonly now: () => number
}

/**
 * Keeps a local set of revocations complete by publish and subscribe.
 *
 * Messages of publish and subscribe can be lost without a trace: by a connection that breaks and comes back, a subscriber
 * that is too slow, a failover. Two things show that none was lost. Each revocation names the one before it, so that a gap
 * is seen with the next one. And several times in `maxStalenessMs` this process publishes a beat to itself, through Redis,
 * with the name of the last revocation: a beat that arrives, and names the last one that was heard, proves that the set
 * was complete when the beat was sent. After a gap the set is read anew, as a whole: what is missing cannot be known, as
 * Redis may have failed over to a replica with another past.
 */
export interface RevocationFeed {
  /** Whether the set has every revocation that was made `maxStalenessMs` ago or earlier. */
  isCurrent (): boolean
  /** Compares the set with Redis with the next beat, and writes what is missing there. */
  reconcile (): void
  close (): Promise<void>
}

/** Publishes a beat with the name of the last revocation, in one step with reading that name. */
const beat = `
redis.call('PUBLISH', ARGV[1], ARGV[2] .. ' ' .. (redis.call('GET', KEYS[1]) or ''))
return 1`

/** A set that is full is read anew after this time, in milliseconds: until then each request asks Redis. */
const fullForMs = 60_000
/** As many lost revocations are written at a time. */
const batch = 100

export function createRevocationFeed (settings: RevocationFeedSettings): RevocationFeed {
  const { subscriber, client, outage, records, revocations, maxStalenessMs, timeoutMs, now } = settings
  const ownChannel = `${records.channel}:${randomUUID()}`
  const sendBeat = createScript(settings.send, beat)
  /** The name of the last revocation that was heard; `null` when some may be missing. */
  let last: string | null = null
  let isComplete = false
  /** When the beat was sent that proved the set complete last, by the monotonic clock. */
  let provenAt = -Infinity
  /** Counts gaps: what was read before one does not make the set complete. */
  let gaps = 0
  let fullUntil = -Infinity

  const lose = (): void => {
    gaps++
    last = null
    isComplete = false
  }
  const add = (key: string, at: number): void => {
    if (!revocations.add(key, at, now())) {
      fullUntil = performance.now() + fullForMs
      lose()
    }
  }

  const onRevocation = (message: string): void => {
    const parts = /^(\S*) (\S+) (\d+) ([^]+)$/.exec(message)
    if (parts === null) return lose()
    const [, before, name, at, key] = parts
    add(key!, Number(at))
    if (before === last) last = name!
    else lose()
  }
  const onBeat = (message: string): void => {
    const [sentAt, lastInRedis] = message.split(' ') as [string, string]
    provenAt = Math.min(Number(sentAt), performance.now())
    if (lastInRedis === last || performance.now() < fullUntil) return
    lose()
    // What is published from here on follows this one, and what came before it is in Redis.
    last = lastInRedis
    readAll(gaps).catch(lose)
  }
  const readAll = async (gap: number): Promise<void> => {
    const found = new Set<string>()
    for await (const [key, at] of records.all()) {
      found.add(key)
      add(key, at)
    }
    if (gap !== gaps) return
    isComplete = true
    // A Redis that was restarted empty, or a replica that was promoted, has lost them; the other servers need not know.
    const lost = [...revocations.entries(now())].filter(([key]) => !found.has(key))
    for (let i = 0; i < lost.length; i += batch) {
      await Promise.all(lost.slice(i, i + batch).map(async ([key, at]) => await records.write([key], at, now())))
    }
  }

  const subscription = createSubscription(subscriber, client, records.channel, ownChannel, (channel, message) => {
    if (channel === records.channel) onRevocation(message)
    else if (channel === ownChannel) onBeat(message)
  })
  const proceed = async (): Promise<void> => {
    // Clients subscribe again by themselves, unless they are configured otherwise.
    if (performance.now() - provenAt > maxStalenessMs) await withinTime(subscription.start(), timeoutMs)
    await outage.insist(async () => await sendBeat([records.lastKey], [ownChannel, String(performance.now())]))
  }
  let proceeding: Promise<void> | null = null
  const onTick = (): void => {
    // A failure is no news: the set is then not current, and requests ask Redis.
    proceeding ??= proceed().catch(() => {}).finally(() => { proceeding = null })
  }
  const timer = setInterval(onTick, maxStalenessMs / 4).unref()
  onTick()

  return {
    isCurrent: () => isComplete && performance.now() - provenAt <= maxStalenessMs,
    reconcile: lose,
    async close () {
      clearInterval(timer)
      lose()
      await subscription.stop()
    }
  }
}
