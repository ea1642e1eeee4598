import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { test } from 'tap'
import { createHintServer, pointer, stockChallenge } from '../support/hint.ts'
import { addRefusals } from '../support/refusals.ts'

const wellKnown = '/.well-known/oauth-protected-resource'

/** Sends these lines over a socket and reads the answer to the end. */
async function exchange (app: FastifyInstance, lines: readonly string[]): Promise<{ status: number, lines: string[], body: string }> {
  const { port } = app.server.address() as AddressInfo
  const socket = connect(port, '127.0.0.1')
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => { text += chunk })
  socket.write([...lines, 'Connection: close', '', ''].join('\r\n'))
  await once(socket, 'close')
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const [first = '', ...headers] = head.split('\r\n')
  return { status: Number(first.split(' ')[1]), lines: headers, body: rest.join('\r\n\r\n') }
}
const challengeLines = ({ lines }: { lines: readonly string[] }): string[] =>
  lines.filter(line => /^www-authenticate:/i.test(line)).map(line => line.slice(line.indexOf(':') + 2))

for (const trustProxy of [false, true]) {
  test(`over HTTP, trustProxy ${trustProxy}: spoofed hosts and absolute targets change nothing (H5, H6, H7)`, async t => {
    const app = await createHintServer(t, {}, { trustProxy })
    addRefusals(app)
    await app.listen({ port: 0, host: '127.0.0.1' })
    for (const request of [
      ['GET /thrown HTTP/1.1', 'Host: evil.example'],
      ['GET /thrown HTTP/1.1', 'Host: evil.example:81', 'X-Forwarded-Host: worse.example', 'X-Forwarded-Proto: http'],
      ['GET /thrown HTTP/1.1', 'Host: evil.example"\\', 'Forwarded: host="evil.example"'],
      ['GET /thrown HTTP/1.0'],
      ['GET http://evil.example/thrown HTTP/1.1', 'Host: evil.example'],
      ['HEAD https://evil.example/thrown HTTP/1.1', 'Host: evil.example']
    ]) {
      const answer = await exchange(app, request)
      t.equal(answer.status, 401, request.join())
      t.strictSame(challengeLines(answer), [stockChallenge])
    }
    for (const target of [wellKnown, `http://evil.example${wellKnown}`, `HTTPS://evil.example:81${wellKnown}`]) {
      const answer = await exchange(app, [`GET ${target} HTTP/1.1`, 'Host: evil.example', 'X-Forwarded-Host: evil.example'])
      t.equal(answer.status, 200, target)
      t.match(JSON.parse(answer.body), { resource: 'https://api.example.com' })
    }
    for (const target of [`http://evil.example${wellKnown}/nope`, `${wellKnown}?x`]) {
      t.equal((await exchange(app, [`GET ${target} HTTP/1.1`, 'Host: h'])).status, 404, target)
    }
  })
}

test('over HTTP: a field line for each scheme, streams, HEAD and hijacked replies (H14, H20, H21, H22)', async t => {
  const app = await createHintServer(t)
  app.get('/stream', (_request, reply) =>
    reply.code(401).header('www-authenticate', ['Basic realm="x"', 'Negotiate']).send(Readable.from(['no ', 'entry'])))
  app.get('/hijacked', (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(401, { ...reply.oauthChallengeHeaders(), 'content-length': 2 }).end('no')
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  for (const method of ['GET', 'HEAD']) {
    const streamed = await exchange(app, [`${method} /stream HTTP/1.1`, 'Host: h'])
    t.equal(streamed.status, 401)
    t.strictSame(challengeLines(streamed), [stockChallenge, 'Basic realm="x"', 'Negotiate'])
    t.equal(streamed.body.includes('entry'), method === 'GET')
  }
  const hijacked = await exchange(app, ['GET /hijacked HTTP/1.1', 'Host: h'])
  t.strictSame(challengeLines(hijacked), [stockChallenge])
  t.equal(hijacked.body, 'no')
  t.ok(hijacked.lines.some(line => line.toLowerCase() === 'cache-control: no-store'))
})

test('over HTTP: a client that follows the header gets the document (H31)', async t => {
  const app = await createHintServer(t, { resource: 'http://localhost' })
  app.get('/', (_request, reply) => reply.code(401).send())
  const base = await app.listen({ port: 0, host: '127.0.0.1' })
  const refused = await fetch(base)
  const url = /resource_metadata="([^"]+)"/.exec(refused.headers.get('www-authenticate')!)![1]!
  const document = await fetch(new URL(new URL(url).pathname, base))
  t.equal(document.status, 200)
  t.match(await document.json(), { resource: 'http://localhost' })
  t.equal(url, pointer.replace('https://api.example.com', 'http://localhost'))
})
