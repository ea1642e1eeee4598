/** Fills a replay store and prints bytes and time for each entry: `node --expose-gc replay-entries.js <count>`. */
import { randomUUID } from 'node:crypto'
import { bytesInUse } from './child.js'
import { ours } from './ours.js'

const count = Number(process.argv[2])
const store = ours.createMemoryReplayStore({ maxEntries: count + 50_000 })
const record = amount => {
  const keys = Array.from({ length: amount }, () => `NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs ${randomUUID()}`)
  const until = Date.now() + 300_000
  const before = process.cpuUsage()
  for (const key of keys) if (store.seen(key, until)) throw new Error('seen')
  const { user, system } = process.cpuUsage(before)
  return (user + system) / amount
}
record(10_000)
const before = await bytesInUse()
const first = record(20_000)
for (let done = 20_000; done < count; done += 20_000) record(20_000)
const bytesPerEntry = (await bytesInUse() - before) / count
console.log(JSON.stringify({ bytesPerEntry, first, last: record(20_000), size: store.size }))
process.exit()
