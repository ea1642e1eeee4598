/** Memory of 100,000 verified tokens, and the longest pause that they cause. */
import { runAlone } from './support/report.js'
import { measureInChild } from './support/child.js'
import { quick } from './support/settings.js'

export async function bench () {
  const count = quick ? 20_000 : 100_000
  const ours = measureInChild('cached-tokens.js', 'ours', count)
  const fastJwt = measureInChild('cached-tokens.js', 'fastJwt', count)
  return [
    {
      title: `Memory of a cached token, ${count.toLocaleString('en')} tokens`,
      unit: 'bytes',
      limit: 300,
      rows: [
        { name: 'this package', role: 'ours', values: [ours.bytesPerToken] },
        { name: 'fast-jwt with its cache', role: 'peer', values: [fastJwt.bytesPerToken] }
      ]
    },
    {
      title: `The longest pause while ${count.toLocaleString('en')} tokens are cached and a fifth of them replaced`,
      unit: 'milliseconds',
      limit: 20,
      rows: [
        { name: 'this package, garbage collection', role: 'ours', values: [ours.longestPauseMs] },
        { name: 'this package, one check with the cache', role: 'ours', values: [ours.longestCheckMs] },
        { name: 'fast-jwt, garbage collection', role: 'peer', values: [fastJwt.longestPauseMs] }
      ]
    }
  ]
}

await runAlone(import.meta, bench)
