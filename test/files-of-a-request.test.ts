import { Session } from 'node:inspector/promises'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { bearer, createApp, optionsFor } from './support/app.ts'
import { createFakeIssuer } from './support/issuer.ts'

const root = fileURLToPath(new URL('../', import.meta.url))

/** The files of the package of which a function runs, by V8's precise coverage. */
async function filesOf (run: () => Promise<unknown>): Promise<string[]> {
  const session = new Session()
  session.connect()
  try {
    await session.post('Profiler.enable')
    await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
    await session.post('Profiler.takePreciseCoverage')
    await run()
    const { result } = await session.post('Profiler.takePreciseCoverage')
    const ran = result.filter(({ functions }) => functions.some(({ ranges }) => ranges.some(({ count }) => count > 0)))
    return ran.map(({ url }) => url.startsWith('file:') ? fileURLToPath(url).slice(root.length) : url)
      .filter(path => /^(?:lib|plugins)[\\/]/.test(path)).sort()
  } finally {
    session.disconnect()
  }
}

test('the way of a request through the package is short: files that run', async t => {
  const issuer = await createFakeIssuer()
  const app = await createApp(t, optionsFor(issuer))
  app.get('/', { config: { oauth: { scopes: ['read'] } } }, async () => 'in')
  const [first, second] = [bearer(await issuer.token({ scope: 'read' })), bearer(await issuer.token({ scope: 'read' }))]
  await app.inject({ url: '/', headers: first })
  await app.inject('/')

  // Five of them are the hooks of Fastify, one for each plugin, and what these share.
  const limits: Record<string, [limit: number, headers: Record<string, string>, status: number]> = {
    'a 401': [8, {}, 401],
    'a token that is remembered': [13, first, 200],
    'a token that is new': [23, second, 200]
  }
  for (const [title, [limit, headers, status]] of Object.entries(limits)) {
    let statusCode = 0
    const files = await filesOf(async () => { statusCode = (await app.inject({ url: '/', headers })).statusCode })
    t.equal(statusCode, status)
    t.ok(files.length > 3, 'the count is real')
    t.comment(`${title}: ${files.length} files\n${files.join('\n')}`)
    t.ok(files.length <= limit, `${title}: ${files.length} of at most ${limit} files`)
  }
})
