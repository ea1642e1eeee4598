import { test } from 'tap'
import { startExample } from '../support/example-server.ts'
import type { RawResponse } from '../support/raw-request.ts'
import { rawRequest } from '../support/raw-request.ts'

const evil = 'evil.example'

interface Spoof {
  readonly name: string
  /** Scheme and authority of an absolute-form target, or nothing. */
  readonly prefix?: string
  readonly headers: (host: string) => ReadonlyArray<readonly [string, string]>
}

const spoofs: readonly Spoof[] = [
  { name: 'nothing spoofed', headers: host => [['Host', host]] },
  { name: 'H5: Host', headers: () => [['Host', evil]] },
  { name: 'H5: Host with a port', headers: () => [['Host', `${evil}:8443`]] },
  { name: 'H6: X-Forwarded-Host', headers: host => [['Host', host], ['X-Forwarded-Host', evil]] },
  {
    name: 'H7: Forwarded',
    headers: host => [['Host', host], ['Forwarded', `for=192.0.2.1;host=${evil};proto=https`]]
  },
  {
    name: 'H7: X-Forwarded-Proto and X-Forwarded-Port',
    headers: host => [['Host', host], ['X-Forwarded-Proto', 'https'], ['X-Forwarded-Port', '8443']]
  },
  {
    name: 'H7: X-Forwarded-Prefix, X-Original-URL and X-Rewrite-URL',
    headers: host => [['Host', host], ['X-Forwarded-Prefix', '/evil'], ['X-Original-URL', '/evil'], ['X-Rewrite-URL', '/evil']]
  },
  { name: 'H7: absolute-form target', prefix: `http://${evil}`, headers: host => [['Host', host]] },
  { name: 'H7: absolute-form target of another scheme', prefix: `https://${evil}:8443`, headers: () => [['Host', evil]] },
  {
    name: 'H7: all of them',
    prefix: `http://${evil}`,
    headers: () => [
      ['Host', evil], ['X-Forwarded-Host', evil], ['X-Forwarded-Proto', 'https'], ['Forwarded', `host=${evil};proto=https`]
    ]
  }
]

function challengesOf ({ headers }: RawResponse): string[] {
  return headers.filter(([name]) => name === 'www-authenticate').map(([, value]) => value)
}

for (const { name, prefix = '', headers } of spoofs) {
  test(`${name}: challenge and document name the URLs that were configured`, async t => {
    const { origin } = await startExample(t)
    const { port, host } = new URL(origin)

    for (const [path, scope] of [['/mcp', ''], ['/api/projects', ', scope="projects:read"']] as const) {
      const resource = path === '/mcp' ? '/mcp' : '/api'
      const refused = await rawRequest(Number(port), `GET ${prefix}${path} HTTP/1.1`, headers(host))
      t.equal(refused.status, 401)
      const [bearer, dpop, ...others] = challengesOf(refused)
      const pointer = `resource_metadata="${origin}/.well-known/oauth-protected-resource${resource}"${scope}`
      t.equal(bearer, `Bearer ${pointer}`)
      t.ok(dpop!.startsWith(`DPoP ${pointer}, algs=`))
      t.strictSame(others, [])
      t.notMatch(JSON.stringify(refused), evil)

      const document = await rawRequest(
        Number(port), `GET ${prefix}/.well-known/oauth-protected-resource${resource} HTTP/1.1`, headers(host))
      t.equal(document.status, 200)
      t.match(JSON.parse(document.body), { resource: `${origin}${resource}` })
      t.notMatch(JSON.stringify(document), evil)
    }
  })
}
