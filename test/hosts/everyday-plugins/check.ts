import { once } from 'node:events'
import { request } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Test } from 'tap'
import { bearer } from '../../support/app.ts'
import type { Host } from '../host.ts'

/** What the plugins of this host do is still done, for refusals too. */
export async function check (t: Test, host: Host): Promise<void> {
  const token = await host.token({ scope: 'items:read', sub: 'ann' })

  const origin = 'https://app.example.com'
  const refused = await host.send('/items', { headers: { origin } })
  t.equal(refused.headers['access-control-allow-origin'], origin, 'cors')
  t.equal(refused.headers['access-control-expose-headers'], 'WWW-Authenticate', 'a page may read the challenge')
  t.equal(refused.headers['x-content-type-options'], 'nosniff', 'helmet')
  const preflight = await host.send('/items', { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'GET' } })
  t.equal(preflight.status, 204, 'a preflight needs no token')
  t.equal((await host.send('/items', { headers: bearer(token) })).headers['x-ratelimit-limit'], '1000', 'rate-limit')
  t.equal((await host.send('/items', { headers: { ...bearer(token), 'accept-encoding': 'gzip' } })).headers['content-encoding'], 'gzip', 'compress')
  t.equal((await host.send('/status')).status, 200, 'under-pressure, outside of the protected resource')
  t.equal((await host.send('/docs/json')).status, 200, 'swagger-ui, outside of the protected resource')
  t.match(JSON.parse((await host.send('/docs/json')).body), { paths: { '/items': { get: { security: Array } } } }, 'the OpenAPI document shows what a route requires')

  const upload = (headers: Record<string, string>): ReturnType<Host['send']> => host.send('/upload', {
    method: 'POST',
    headers: { 'content-type': 'multipart/form-data; boundary=b', ...headers },
    body: '--b\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhello\r\n--b--\r\n'
  })
  t.equal((await upload({})).status, 401, 'multipart, without a token')
  t.same(JSON.parse((await upload(bearer(token))).body), { name: 'a.txt', size: 5 }, 'multipart')

  const session = JSON.parse((await host.send('/session', { method: 'POST' })).body) as { token: string }
  t.match(JSON.parse((await host.send('/session', { headers: bearer(session.token) })).body), { sub: 'session-1' }, 'jwt has tokens of its own')
  t.not((await host.send('/session', { headers: bearer(token) })).status, 200, 'an access token is none of them')
  t.equal((await host.send('/items', { headers: bearer(session.token) })).status, 401, 'and they are no access tokens')

  const upgrade = (headers: Record<string, string>): ClientRequest => {
    const opening = request(`${host.origin}/socket`, {
      headers: { ...headers, connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': Buffer.alloc(16).toString('base64') }
    })
    opening.end()
    return opening
  }
  const [unauthorized] = await once(upgrade({}), 'response') as [IncomingMessage]
  t.equal(unauthorized.statusCode, 401, 'websocket, without a token')
  t.match(unauthorized.headers['www-authenticate'], 'resource_metadata=')
  const [, socket, head] = await once(upgrade(bearer(token)), 'upgrade') as [IncomingMessage, Duplex, Buffer]
  const frame = head.length > 0 ? head : (await once(socket, 'data') as [Buffer])[0]
  t.equal(frame.subarray(2).toString(), 'ann', 'websocket')
  socket.destroy()
}
