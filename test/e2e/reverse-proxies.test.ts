import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import Fastify from 'fastify'
import type { Test } from 'tap'
import { test } from 'tap'
import oauthResourceServer from '../../plugins/index.ts'
import { createTestIssuer } from '../../plugins/entry-points/testing.ts'
import { startDaemon, untilListening } from '../support/daemon.ts'
import { textOfDocument } from '../support/documents.ts'
import { freePort } from '../support/example.ts'
import { findPart, missingPart } from '../support/missing-part.ts'

/** The lines that docs/operations.md tells people to write, with the ports of this test. */
function linesOf (language: string, listen: RegExp, ports: { listen: number, app: number }): string {
  const snippet = new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(textOfDocument('docs/operations.md'))![1]!
  return snippet.replace(listen, `$1127.0.0.1:${ports.listen}$2`).replaceAll('127.0.0.1:3000', `127.0.0.1:${ports.app}`)
}

/** An application at the root of its own server, which the proxy publishes under `/team`. */
async function startApp (t: Test, publicPort: number): Promise<{ port: number, token: string, endStream: () => void }> {
  const resource = `http://127.0.0.1:${publicPort}/team`
  const issuer = createTestIssuer({ resource })
  const app = Fastify({ forceCloseConnections: true })
  await app.register(oauthResourceServer, issuer.options)
  app.get('/projects', async request => request.accessToken?.subject)
  let endStream = (): void => {}
  app.get('/events', (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: first\n\n')
    endStream = () => { reply.raw.end('data: last\n\n') }
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => app.close())
  return { port: (app.server.address() as AddressInfo).port, token: issuer.token({ subject: 'ann' }), endStream: () => endStream() }
}

/** What a client does that knows the public URL alone. */
async function checkClient (t: Test, publicPort: number, { token, endStream }: { token: string, endStream: () => void }): Promise<void> {
  const url = `http://127.0.0.1:${publicPort}/team`
  const refused = await fetch(`${url}/projects`, { headers: { 'x-forwarded-host': 'evil.example' } })
  t.equal(refused.status, 401)
  const pointer = /resource_metadata="([^"]+)"/.exec(refused.headers.get('www-authenticate')!)![1]!
  t.equal(pointer, `http://127.0.0.1:${publicPort}/.well-known/oauth-protected-resource/team`)
  const document = await fetch(pointer)
  t.match(await document.json(), { resource: url }, 'the document that the challenge names is there, and is about this URL')
  const headers = { authorization: `Bearer ${token}` }
  t.equal(await (await fetch(`${url}/projects`, { headers })).text(), 'ann')

  const stream = (await fetch(`${url}/events`, { headers })).body!.pipeThrough(new TextDecoderStream()).getReader()
  t.equal((await stream.read()).value, 'data: first\n\n', 'an event arrives before the stream ends')
  endStream()
  t.equal((await stream.read()).value, 'data: last\n\n')
}

test('nginx with the lines of the documentation: discovery, requests and streams below a path prefix', { skip: missingPart('nginx') }, async t => {
  const listen = await freePort()
  const app = await startApp(t, listen)
  const folder = t.testdir({
    'nginx.conf': `
      daemon off; worker_processes 1; pid nginx.pid; error_log stderr notice; events {}
      http {
        access_log off;
        client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
        ${linesOf('nginx', /(listen )80(;)/, { listen, app: app.port })}
      }`
  })
  const nginx = await startDaemon(findPart('nginx')!, ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'], /start worker process \d+/)
  t.teardown(() => nginx.stop())
  await untilListening(listen)
  await checkClient(t, listen, app)
})

test('HAProxy with the lines of the documentation: discovery, requests and streams below a path prefix', { skip: missingPart('haproxy') }, async t => {
  const listen = await freePort()
  const app = await startApp(t, listen)
  const folder = t.testdir({ 'haproxy.cfg': linesOf('haproxy', /(bind ):80()/, { listen, app: app.port }) })
  const haproxy = await startDaemon(findPart('haproxy')!, ['-db', '-V', '-f', join(folder, 'haproxy.cfg')], /as the polling mechanism/)
  t.teardown(() => haproxy.stop())
  await untilListening(listen)
  await checkClient(t, listen, app)
})
