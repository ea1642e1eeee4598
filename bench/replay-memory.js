/** What the replay store in memory takes for each proof that was used, up to a million of them. */
import { measureInChild } from './support/child.js'
import { runAlone } from './support/report.js'
import { quick } from './support/settings.js'

export async function bench () {
  const sizes = quick ? [20_000, 100_000] : [20_000, 200_000, 1_000_000]
  const measured = sizes.map(size => ({ size, ...measureInChild('replay-entries.js', size) }))
  const label = size => `${size.toLocaleString('en')} entries`
  return [
    { title: 'Replay store in memory: bytes for each entry', unit: 'bytes', rows: measured.map(({ size, bytesPerEntry }) => ({ name: label(size), role: 'ours', values: [bytesPerEntry] })) },
    {
      title: 'Replay store in memory: time of one call, with so many entries in it',
      unit: 'CPU µs',
      rows: measured.map(({ size, last }) => ({ name: label(size), role: 'ours', values: [last] }))
    }
  ]
}

await runAlone(import.meta, bench)
