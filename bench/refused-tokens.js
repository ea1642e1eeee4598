/** Memory after 20,000 distinct bad tokens: nothing may be left of them. */
import { measureInChild } from './support/child.js'
import { runAlone } from './support/report.js'
import { amount } from './support/settings.js'

export async function bench () {
  const count = amount(20_000, 5000)
  const { before, after } = measureInChild('refused-tokens.js', count)
  return [{
    title: `Memory after ${count.toLocaleString('en')} distinct bad tokens`,
    unit: 'MiB after a collection',
    base: 'The second figure should be the first.',
    rows: [
      { name: 'before', role: 'reference', values: [before / 2 ** 20] },
      { name: 'after, this package', role: 'ours', values: [after / 2 ** 20] }
    ]
  }]
}

await runAlone(import.meta, bench)
