import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { test } from 'tap'
import { startDoctorTarget } from '../../support/doctor-target.ts'
import { loader } from '../../support/loader.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** Runs explain as a user does, and ends when the process has exited. */
function explain (file: string, token: string): Promise<{ exitCode: number | null, stdout: string, stderr: string }> {
  return new Promise(resolve => {
    const { NODE_OPTIONS: _loaderOfTap, ...env } = process.env
    const child = spawn(process.execPath, [...loader, join(root, 'lib/doctor/command/main.ts'), 'explain', '--config', file], { cwd: root, env, timeout: 30_000 })
    const texts = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const) child[name].on('data', chunk => { texts[name] += String(chunk) })
    child.stdin.end(token)
    child.once('close', exitCode => resolve({ exitCode, ...texts }))
  })
}

test('explain ends, and says what to export, where the file of --config listens', async t => {
  const target = await startDoctorTarget(t)
  const busy = createServer()
  await new Promise<void>(resolve => busy.listen(0, '127.0.0.1', resolve))
  t.teardown(() => busy.close())
  const listen = (port: number): string => `app.listen({ port: ${port}, host: '127.0.0.1' })`
  const taken = listen((busy.address() as AddressInfo).port)
  const start = `
    import Fastify from ${JSON.stringify(pathToFileURL(join(root, 'node_modules/fastify/fastify.js')).href)}
    import plugin from ${JSON.stringify(pathToFileURL(join(root, 'plugins/index.ts')).href)}
    const app = Fastify()
    app.register(plugin, ${JSON.stringify({ resource: target.resource, authorizationServers: [target.issuer] })})`
  const folder = t.testdir({
    'server.mjs': `${start}\nawait ${listen(0)}`,
    'taken.mjs': `${start}\nawait ${taken}`,
    'exported.mjs': `${start}\nawait ${listen(0)}\nexport default app`,
    'unawaited.mjs': `${start}\n${taken}\nexport default app`
  })
  const advice = /Export the app without a call of listen, which belongs in another file:\n {2}export default app\n.*\n {2}export const options = \{ resource: /
  const token = target.token()
  for (const [name, message] of [['server.mjs', /must export the options of the plugin.*got undefined\n/], ['taken.mjs', /could not be loaded: .*EADDRINUSE.*\n/]] as const) {
    const { exitCode, stderr } = await explain(join(folder, name), token)
    t.equal(exitCode, 2, name)
    t.match(stderr, message)
    t.match(stderr, advice)
  }
  for (const name of ['exported.mjs', 'unawaited.mjs']) {
    const { exitCode, stdout, stderr } = await explain(join(folder, name), token)
    t.equal(exitCode, 0, `${name} ${stderr}`)
    t.match(stdout, /^✓ The token is accepted\n/)
  }
})
