import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { lookup as systemLookup } from 'node:dns'
import { createServer } from 'node:net'
import type { AddressInfo, LookupFunction } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { checkServer } from '../../lib/doctor/check-server.ts'
import type { DoctorReport } from '../../lib/doctor/report.ts'
import { startExample } from '../support/example-server.ts'

const faultsOf = ({ checks }: DoctorReport): object[] => checks.filter(({ outcome }) => outcome === 'fails')

test('the doctor reports nothing about the resources of the demo (F91)', async t => {
  const { mcpUrl, apiUrl } = await startExample(t)
  for (const url of [mcpUrl, `${apiUrl}/projects`]) {
    const report = await checkServer(url)
    t.same(faultsOf(report), [], url)
    t.ok(report.counts.holds > 40, `${report.counts.holds} hold`)
    t.same(report.checks.filter(({ outcome }) => outcome === 'unknown'), [], 'everything could be checked')
  }
})

test('the doctor reports nothing about the minimal example but its authorization server, which is made up (F91)', async t => {
  const probe = createServer()
  await new Promise<void>(resolve => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise(resolve => probe.close(resolve))
  const root = fileURLToPath(new URL('../../', import.meta.url))
  // Something may listen at the port of the example's authorization server.
  const folder = t.testdir({ 'minimal.ts': readFileSync(join(root, 'examples/minimal.ts'), 'utf8').replace('http://localhost:3001', 'https://login.example.com') })
  const child = spawn(process.execPath, ['--import', 'tsx', join(folder, 'minimal.ts')], { cwd: root, env: { PATH: process.env.PATH, PORT: String(port) }, stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  for await (const line of createInterface({ input: child.stdout })) if (line.includes('Server listening')) break
  // login.example.com is not looked up: tests stay on this machine.
  const lookup: LookupFunction = (hostname, options, callback) => hostname === 'localhost'
    ? systemLookup(hostname, options as object, callback as never)
    : callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND' }), '')
  const report = await checkServer(`http://localhost:${port}/projects`, { lookup })
  t.equal(faultsOf(report).length, 1)
  t.match(report.checks.find(({ id }) => id === 'issuer-metadata'), { outcome: 'fails', message: /ENOTFOUND login\.example\.com/ })
})
