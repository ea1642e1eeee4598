import { pathToFileURL } from 'node:url'
import { quick } from './settings.js'
import { median, quantile } from './statistics.js'

/**
 * A result: one table.
 *
 * @typedef {object} Result
 * @property {string} title
 * @property {string} unit what the values are, as in "× one raw RS256 check"
 * @property {string} [base] what 1 is, in absolute terms
 * @property {number} [limit] what this package should not exceed
 * @property {string} [measured] when, and under which conditions
 * @property {Array<{ name: string, values: number[], role?: 'ours' | 'peer' | 'error' }>} rows
 */

export function formatTable ({ title, unit, base, limit, measured, rows }) {
  const digits = values => median(values) < 0.1 ? 3 : median(values) < 20 ? 2 : 0
  const limitNote = limit === undefined ? undefined : `Aim: at most ${limit}.`
  const lines = rows.map(({ name, values, role }) => {
    const format = value => value.toFixed(digits(values))
    const quartiles = values.length < 2 ? '' : `${format(quantile(values, 0.25))} to ${format(quantile(values, 0.75))}`
    const label = role === 'ours' ? `**${name}**` : name
    return `| ${label} | ${format(median(values))} | ${quartiles} |`
  })
  const note = [base, limitNote, measured].filter(part => part !== undefined).join(' ')
  return `### ${title}\n\n${note === '' ? '' : `${note}\n\n`}| | ${unit} | quartiles |\n| --- | --- | --- |\n${lines.join('\n')}\n`
}

/** Runs a bench when its file is the program, and prints its tables; with `--json`, its results for `run.js`. */
export async function runAlone (meta, bench) {
  if (meta.url !== pathToFileURL(process.argv[1]).href) return
  const results = await bench()
  if (process.argv.includes('--json')) return process.stdout.write(JSON.stringify(results), () => process.exit())
  if (quick) console.log('Quick: the figures are a first impression.')
  for (const result of results) console.log(`\n${formatTable(result)}`)
  process.exit()
}
