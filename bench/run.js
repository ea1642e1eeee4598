/**
 * Runs the benches, prints their tables and writes them to `results/node-<major>.md`:
 * `node bench/run.js [--quick] [names]`. The peers are installed on first use. A run of some benches replaces their tables only,
 * and each table says when it was measured. With this package's oldest Node.js, a run of the benches that the chart of the README
 * shows draws it anew.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { drawChart } from './support/chart.js'
import { formatTable } from './support/report.js'
import { names, quick } from './support/settings.js'
import { median } from './support/statistics.js'

const folder = fileURLToPath(new URL('.', import.meta.url))
const benches = [
  'verify-new-tokens', 'verify-hot-token', 'http-hot-token', 'http-new-tokens', 'http-refusals', 'http-open-route', 'http-metadata', 'import',
  'cached-tokens', 'refused-tokens', 'proxy', 'session-refresh', 'grant-decision', 'dpop-proof', 'replay-memory'
]
/** For one bench; the slowest takes 12 minutes. */
const longestMs = 30 * 60_000
const charted = [
  { title: 'A hot token, over HTTP', heading: 'A token that was seen before: CPU of a request, bare Fastify = 1' },
  { title: 'New tokens, over HTTP', heading: 'Tokens that never repeat: CPU of a request, Fastify with one RS256 check = 1' }
]
const [major] = process.versions.node.split('.')

if (!existsSync(`${folder}node_modules`)) {
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

const unknown = names.filter(name => !benches.includes(name))
if (unknown.length > 0) throw new Error(`no such bench: ${unknown.join(', ')}. There are ${benches.join(', ')}`)

const page = `${folder}results/node-${major}.md`
const isWhole = names.length === 0
/** The tables of the page by their titles: those of an earlier run stay until they are measured again. */
const tables = new Map(!existsSync(page) ? [] : readFileSync(page, 'utf8').split(/^(?=### )/m).slice(1).map(text => [/^### (.+)$/m.exec(text)[1], text.trimEnd() + '\n']))
const results = []
for (const name of benches.filter(one => isWhole || names.includes(one))) {
  console.error(`${name} …`)
  const { status, stdout } = spawnSync(process.execPath, [`${folder}${name}.js`, '--json', ...quick ? ['--quick'] : []], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 26, timeout: longestMs, killSignal: 'SIGKILL' })
  if (status !== 0) {
    console.error(`${name} failed${status === null ? `, or took longer than ${longestMs / 60_000} minutes` : ''}`)
    process.exitCode = 1
    continue
  }
  const measured = `Measured on ${new Date().toISOString().slice(0, 10)} with ${process.version}${quick ? ' and `--quick`' : ''}, load average ${loadavg()[0].toFixed(1)} after it.`
  for (const result of JSON.parse(stdout)) {
    results.push(result)
    const table = formatTable({ ...result, measured })
    tables.set(result.title, table)
    console.log(table)
  }
  // A quick run is a first impression, which a page without any other figures may have.
  if (!quick || isWhole) writePage()
}
// Of the newest release that has full tables.
if (major === '24' && !quick && charted.every(({ title }) => results.some(result => result.title === title))) writeFileSync(`${folder}../docs/speed.svg`, drawSpeed())

function writePage () {
  const versionOf = name => JSON.parse(readFileSync(`${folder}node_modules/${name}/package.json`, 'utf8')).version
  const { dependencies } = JSON.parse(readFileSync(`${folder}package.json`, 'utf8'))
  const conditions = [
    `- Node.js ${process.version}, ${availableParallelism()} × ${cpus()[0].model}`,
    `- ${Object.keys(dependencies).map(name => `${name} ${versionOf(name)}`).join(', ')}`
  ]
  writeFileSync(page, `# Node.js ${major}\n\nWhat the figures mean, and how they are measured: [README.md](../README.md).\n\n${conditions.join('\n')}\n\n${[...tables.values()].join('\n')}`)
}

function drawSpeed () {
  const panelOf = ({ title, heading }) => ({
    title: heading,
    rows: results.find(result => result.title === title).rows
      .filter(({ role }) => role !== 'error')
      .map(({ name, values, role }) => ({ name: name.replaceAll('`', ''), value: median(values), role }))
      .sort((a, b) => a.value - b.value)
  })
  return drawChart(charted.map(panelOf), `Less is better. Node.js ${process.version}, ${new Date().toISOString().slice(0, 10)}; all figures are in bench/README.md.`)
}
