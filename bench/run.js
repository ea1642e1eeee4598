/**
 * Runs the benches, prints their tables and writes them to `results/node-<major>.md`:
 * `node bench/run.js [--quick] [names]`. The peers are installed on first use. A run of all benches with this package's
 * oldest Node.js also draws the chart of the README.
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
const [major] = process.versions.node.split('.')

if (!existsSync(`${folder}node_modules`)) {
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

const unknown = names.filter(name => !benches.includes(name))
if (unknown.length > 0) throw new Error(`no such bench: ${unknown.join(', ')}. There are ${benches.join(', ')}`)

const results = []
for (const name of benches.filter(one => names.length === 0 || names.includes(one))) {
  console.error(`${name} …`)
  const { status, stdout } = spawnSync(process.execPath, [`${folder}${name}.js`, '--json', ...quick ? ['--quick'] : []], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
  if (status !== 0) process.exitCode = 1
  else results.push(...JSON.parse(stdout))
}

const versionOf = name => JSON.parse(readFileSync(`${folder}node_modules/${name}/package.json`, 'utf8')).version
const { dependencies } = JSON.parse(readFileSync(`${folder}package.json`, 'utf8'))
const conditions = [
  `- ${new Date().toISOString().slice(0, 10)}, Node.js ${process.version}${quick ? ', `--quick`: fewer rounds and requests, a first impression' : ''}`,
  `- ${availableParallelism()} × ${cpus()[0].model}, load average ${loadavg()[0].toFixed(1)} at the end of the run`,
  `- ${Object.keys(dependencies).map(name => `${name} ${versionOf(name)}`).join(', ')}`
]
const page = `# Node.js ${major}\n\nWhat the figures mean, and how they are measured: [README.md](../README.md).\n\n${conditions.join('\n')}\n\n${results.map(formatTable).join('\n')}`
console.log(page)

if (names.length === 0 && results.length > 0) {
  writeFileSync(`${folder}results/node-${major}.md`, page)
  if (major === '20') writeFileSync(`${folder}../docs/speed.svg`, drawSpeed())
}

function drawSpeed () {
  const panelOf = (title, heading) => ({
    title: heading,
    rows: results.find(result => result.title === title).rows
      .filter(({ role }) => role !== 'error')
      .map(({ name, values, role }) => ({ name: name.replaceAll('`', ''), value: median(values), role }))
      .sort((a, b) => a.value - b.value)
  })
  return drawChart([
    panelOf('A hot token, over HTTP', 'A token that was seen before: CPU of a request, bare Fastify = 1'),
    panelOf('New tokens, over HTTP', 'Tokens that never repeat: CPU of a request, Fastify with one RS256 check = 1')
  ], `Less is better. Node.js ${process.version}, ${new Date().toISOString().slice(0, 10)}; all figures are in bench/README.md.`)
}
