import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { test } from 'tap'
import type { DoctorReport } from '../../../lib/doctor/report.ts'
import type { DoctorTarget } from '../../support/doctor-target.ts'
import { challenges, startDoctorTarget } from '../../support/doctor-target.ts'
import { loader } from '../../support/loader.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const program = join(root, 'lib/doctor/command/main.ts')

interface Ran { readonly exitCode: number, readonly stdout: string, readonly stderr: string }

/** As a user runs it: another process, with a pipe for standard input. */
function child (args: readonly string[], stdin = '', env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  return new Promise(resolve => {
    const { NODE_OPTIONS: _loaderOfTap, ...own } = process.env
    const started = spawn(process.execPath, [...loader, program, ...args], { cwd: root, env: { ...own, ...env } })
    const texts = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const) started[name].on('data', chunk => { texts[name] += String(chunk) })
    started.stdin.end(stdin)
    started.once('close', exitCode => resolve({ exitCode: exitCode ?? -1, ...texts }))
  })
}

const breakChallenge = (target: DoctorTarget): void => {
  target.fault = (answer, { part, credentials }) => { if (part === 'api' && credentials.length === 0) answer.headers['www-authenticate'] = challenges(target).map(one => one.replace(/resource_metadata="[^"]*", /, '')) }
}

test('check is a program with a report, exit codes and progress (F91)', async t => {
  const target = await startDoctorTarget(t)
  const good = await child(['check', target.resource])
  t.equal(good.exitCode, 0, good.stderr)
  t.match(good.stdout, new RegExp(`^${target.resource}\nresource ${target.resource} · \\d+ checks in .* s\n\n✓ \\d+ hold   – \\d do not apply\n`))
  t.notOk(good.stdout.includes('\u001b'), 'no colours in a pipe')
  t.match(good.stderr, /^1\/\d+ Server\n4\/\d+ Request without a token\n/, 'a line for each group')
  t.match(good.stdout, /Can MCP clients register there\?\n {2}http:\/\/localhost:\d+\/login: yes, by dynamic registration\n/)

  breakChallenge(target)
  const token = target.token()
  const broken = await child(['check', target.resource, '--json', '--quiet', '--token', '-'], `${token}\n`)
  t.match({ exitCode: broken.exitCode, stderr: broken.stderr }, { exitCode: 1, stderr: '' })
  const report = JSON.parse(broken.stdout) as DoctorReport
  t.match(report.checks.filter(({ outcome }) => outcome === 'fails'), [{ id: 'challenge-pointer', why: /./, fix: /./ }, { id: 'mcp-pointer' }])
  t.notOk(broken.stdout.includes(token.slice(20, 60)), 'no token')

  const usage = await child(['check'])
  t.match(usage, { exitCode: 2, stdout: '', stderr: /check needs the URL of a protected route\n--help/ })
})

test('explain reads the token from standard input, and says which line accepts it', async t => {
  const target = await startDoctorTarget(t)
  const token = target.token({ aud: 'https://other.example' })
  const { exitCode, stdout, stderr } = await child(['explain', target.resource], `Authorization: Bearer ${token}\n`)
  t.equal(exitCode, 1, stderr)
  t.match(stdout, /^\? With default settings the token is refused\n {2}for http:.*\n {2}by the metadata document and default settings\. The settings of the server may differ: explain\n {2}--config <file> uses them\n/)
  t.match(stdout, /audience_foreign: .*\n {2}expected {2}aud is http:.*\n {2}came {6}aud is "https:\/\/other.example"\n {2}line {6}authorizationServers: \[\{ issuer: '.*', audience: 'https:\/\/other.example' \}\]\n {2}right if/)
  t.notOk(stdout.includes(token.slice(-30)) || stderr.includes(token.slice(-30)), 'the token is not shown')
})
