/** The CPU time of `import()` in a process that has loaded Fastify, over that of `import('jose')`. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { runAlone } from './support/report.js'
import { interleave, over } from './support/rounds.js'
import { quick } from './support/settings.js'
import { median } from './support/statistics.js'

const dist = new URL('../dist/plugins/', import.meta.url).href
const contenders = [
  { name: 'jose', role: 'reference', module: 'jose' },
  { name: 'jose, once more', role: 'error', module: 'jose' },
  { name: 'this package', role: 'ours', module: `${dist}index.js` },
  { name: 'this package, `…/client`', role: 'ours', module: `${dist}entry-points/client.js` },
  { name: '@fastify/jwt', role: 'peer', module: '@fastify/jwt' },
  { name: 'fastify-jwt-jwks', role: 'peer', module: 'fastify-jwt-jwks' },
  { name: 'fast-jwt', role: 'peer', module: 'fast-jwt' },
  { name: 'aws-jwt-verify', role: 'peer', module: 'aws-jwt-verify' },
  { name: 'express-oauth2-jwt-bearer', role: 'peer', module: 'express-oauth2-jwt-bearer' },
  { name: 'requireBearerAuth of the MCP SDK', role: 'peer', module: '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js' },
  { name: "better-auth's resource client", role: 'peer', module: '@better-auth/oauth-provider/resource-client' }
]

function cpuOfImport (module) {
  const code = `await import('fastify')
    const before = process.cpuUsage()
    await import(${JSON.stringify(module)})
    const { user, system } = process.cpuUsage(before)
    console.log(user + system)`
  return Number(execFileSync(process.execPath, ['--input-type=module', '--eval', code], { cwd: fileURLToPath(new URL('.', import.meta.url)) }))
}

export async function bench () {
  const samples = await interleave(contenders, quick ? 5 : 21, ({ module }) => cpuOfImport(module))
  const base = samples.get('jose')
  return [{
    title: 'Import, beyond what Fastify loads',
    unit: "CPU, × `import('jose')`",
    limit: 0.5,
    base: `1 is ${(median(base) / 1000).toFixed(1)} ms.`,
    rows: contenders.map(({ name, role }) => ({ name, role, values: over(samples.get(name), base) }))
  }]
}

await runAlone(import.meta, bench)
