import Fastify from 'fastify'
import { test } from 'tap'
import { logRequests, readableStream, serverOptions } from '../../examples/demo/request-log.ts'
import { startExample } from '../support/example-server.ts'

test('the example logs each request and each refusal, for people, and no code or token [A10]', async t => {
  const lines: string[] = []
  const log = { level: 'info', stream: readableStream({ write: text => lines.push(text) }) } as const
  const example = await startExample(t, { log })
  await fetch(`${example.mcpUrl}?code=secret-code`, { headers: { authorization: 'Bearer secret-token' } })
  await fetch(`${example.issuer}/sign-in`)
  await fetch(`${example.issuer}/auth?state=secret-state`)
  await new Promise(resolve => setImmediate(resolve))
  const text = lines.join('')
  t.match(text, /^\d\d:\d\d:\d\d {2}request refused: token_inactive/m)
  t.match(text, /401 {2}GET \/mcp {2}\d+ ms {2}\(protected server\)/)
  t.match(text, /200 {2}GET \/sign-in {2}\d+ ms {2}\(authorization server\)/)
  t.match(text, /400 {2}GET \/auth {2}/)
  t.notMatch(text, /secret/)
})

test('an error is logged with its stack, and requests are not logged at the level error', async t => {
  const lines: string[] = []
  const stream = readableStream({ write: text => lines.push(text) })
  const app = Fastify(serverOptions({ level: 'error', stream }))
  t.teardown(() => app.close())
  logRequests(app, 'x', { level: 'error', stream })
  app.get('/', async () => { throw new Error('down') })
  await app.inject('/')
  t.equal(lines.length, 1)
  t.match(lines, [/down[\s\S]*at /])
  stream.write(JSON.stringify({ level: 50, time: 0 }))
  stream.write(JSON.stringify({ level: 30, time: 0, status: 200, msg: 'GET /', audit: { reason: 'approved', staff: 'sam', detail: { fix: 'x' } }, err: {} }))
  t.match(lines.slice(1), [/^00:00:00/, '00:00:00  200  GET /  0 ms  ()  approved, sam as unknown  {"fix":"x"}'])
})

test('the start says what it does', async t => {
  const steps: string[] = []
  await startExample(t, { onProgress: step => steps.push(step) })
  t.same(steps, ['creating tables and demonstration data', 'starting three servers'])
})
