/**
 * Checks small servers made with this package and with others by the doctor, and writes docs/conformance.md:
 *
 *     npm run doctor:peers
 *
 * The other packages are installed on first use. It fails when a check of this package does not hold.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
if (!existsSync(`${here}node_modules`)) {
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: here, stdio: 'inherit', shell: process.platform === 'win32' })
  if (status !== 0) process.exit(status ?? 1)
}

const { checkServer } = await import(new URL('../../dist/plugins/entry-points/doctor.js', import.meta.url).href)
const { startAuthorizationServer } = await import('./authorization-server.js')
const { listen } = await import('./listen.js')
const { formatPage } = await import('./page.js')
const { servers } = await import('./servers.js')

const origin = 'https://client.example'
const authorizationServer = await startAuthorizationServer()
const results = []
for (const server of servers) {
  console.error(`${server.name} …`)
  results.push({ ...server, report: await check(server), versions: server.packages.map(name => `${name} ${versionOf(`${here}node_modules/${name}`)}`) })
}
authorizationServer.close()

const page = formatPage(results, {
  date: new Date().toISOString().slice(0, 10),
  version: versionOf(`${here}../..`),
  issuerVersion: `oidc-provider ${versionOf(`${here}node_modules/oidc-provider`)}`
})
writeFileSync(`${here}../../docs/conformance.md`, page)

const broken = results.filter(({ isOurs, report }) => isOurs && report.counts.fails + report.counts.unknown > 0)
for (const { name, report } of broken) {
  console.error(`${name}: ${report.checks.filter(({ outcome }) => outcome === 'fails' || outcome === 'unknown').map(({ id, message }) => `${id}: ${message}`).join('; ')}`)
}
process.exitCode = broken.length === 0 ? 0 : 1

/** The report with a token for the server, and in it the check that needs a token for another one. */
async function check ({ file, isMcp }) {
  const { createServer } = await import(`./servers/${file}.js`)
  const { origin: own, handle, close } = await listen()
  const resource = isMcp ? `${own}/mcp` : own
  handle(await createServer({ resource, issuer: authorizationServer.issuer, issuerMetadata: authorizationServer.metadata, origin }))
  try {
    const url = isMcp ? resource : `${own}/notes`
    const options = { resource, origin, ...isMcp && { method: 'POST' } }
    const report = await checkServer(url, { ...options, token: await authorizationServer.token(resource) })
    const foreign = await checkServer(url, { ...options, token: await authorizationServer.token('https://other.example') })
    const checks = report.checks.map(one => one.id === 'token-audience' ? foreign.checks.find(({ id }) => id === one.id) : one)
    return { ...report, checks, counts: countsOf(checks) }
  } finally {
    close()
  }
}

function countsOf (checks) {
  const counts = { holds: 0, fails: 0, unknown: 0, not_applicable: 0 }
  for (const { outcome } of checks) counts[outcome]++
  return counts
}

function versionOf (folder) {
  return JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')).version
}
