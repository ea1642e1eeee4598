import { OAuth2Server } from 'oauth2-mock-server'
import Fastify from 'fastify'
import t, { test } from 'tap'
import oauthResourceServer from '../../plugins/index.ts'
import type { IssuerOptions } from '../../plugins/index.ts'

const resource = 'https://api.example.com'

interface LoggedRefusal { readonly reason: string, readonly detail: { readonly expected: string, readonly received: string, readonly fix: string, readonly also?: readonly string[] } }

const issuer = new OAuth2Server()
await issuer.issuer.keys.generate('RS256')
await issuer.start(0, '127.0.0.1')
t.teardown(() => issuer.stop())
const url = issuer.issuer.url!

/** The log has exactly one line for the request. */
function only ({ refusals }: Attempt): LoggedRefusal {
  if (refusals.length !== 1) throw new Error(`${refusals.length} refusals in the log`)
  return refusals[0]!
}

/** What the line explains. */
function explanation (attempt: Attempt): Pick<LoggedRefusal, 'reason' | 'detail'> {
  const { reason, detail } = only(attempt)
  return { reason, detail }
}

interface Attempt { readonly status: number, readonly body: string, readonly refusals: readonly LoggedRefusal[] }

/** What a person sees who sends one request: the status, and the refusals of the log. */
async function tryOut (entry: string | IssuerOptions, token: string): Promise<Attempt> {
  const refusals: LoggedRefusal[] = []
  const stream = {
    write (line: string): void {
      const { audit } = JSON.parse(line) as { audit?: LoggedRefusal }
      if (audit !== undefined) refusals.push(audit)
    }
  }
  const app = Fastify({ logger: { level: 'info', stream } })
  try {
    await app.register(oauthResourceServer, { resource, authorizationServers: [entry], metadata: { resource_name: 'Projects' } })
    app.get('/', async request => request.accessToken?.subject)
    const response = await app.inject({ url: '/', headers: { authorization: `Bearer ${token}` } })
    return { status: response.statusCode, body: response.body, refusals }
  } finally {
    await app.close()
  }
}

async function requestToken (parameters: Record<string, string>): Promise<string> {
  const response = await fetch(`${url}/token`, { method: 'POST', body: new URLSearchParams(parameters) })
  return (await response.json() as { access_token: string }).access_token
}

// oauth2-mock-server issues `typ: JWT` without a client, and an audience only when it is asked for one. Each step of this
// test does what the log line before it says, and nothing that only the documentation knows.
test('oauth2-mock-server: from the first 401, the log alone leads to a configuration that accepts its tokens (F109)', async t => {
  const machine = { grant_type: 'client_credentials', scope: 'projects:read' }
  const missingAudience = `expected aud is ${resource}, received aud is missing`
  const missingSubject = 'expected claim sub for a user, or client_id, azp, cid or appid for a client that acts for itself, received sub is missing, and there is no client'

  const slash = await tryOut(`${url}/`, await requestToken(machine))
  t.equal(slash.status, 401)
  t.same(explanation(slash), {
    reason: 'issuer_unknown',
    detail: { expected: `iss is ${url}/`, received: `iss is "${url}"`, fix: `set authorizationServers[0].issuer: '${url}', exactly as iss spells it` }
  })

  const first = await tryOut(url, await requestToken(machine))
  t.equal(first.status, 401)
  t.same(explanation(first), {
    reason: 'type_refused',
    detail: {
      expected: 'typ is at+jwt (RFC 9068)',
      received: 'typ is "JWT"',
      fix: `set authorizationServers[0].profile: 'jwt' (write { issuer: '${url}', profile: 'jwt' } in place of the identifier), if the access tokens of this issuer do not follow RFC 9068`,
      also: [`audience_missing: ${missingAudience}`, `claim_missing: ${missingSubject}`]
    }
  })

  const entry = { issuer: url, profile: 'jwt' } as const
  const second = await tryOut(entry, await requestToken(machine))
  t.equal(second.status, 401)
  t.same(explanation(second), {
    reason: 'audience_missing',
    detail: {
      expected: `aud is ${resource}`,
      received: 'aud is missing',
      fix: 'request the token for this resource (parameter resource or audience of the token request); or set authorizationServers[0].claims.audience, if another claim ' +
        'names the audience; or set authorizationServers[0].allowMissingAudience: true, if this issuer issues tokens for this resource alone',
      also: [`claim_missing: ${missingSubject}`]
    }
  })

  const third = await tryOut(entry, await requestToken({ ...machine, aud: resource }))
  t.equal(third.status, 401)
  t.same(explanation(third), {
    reason: 'claim_missing',
    detail: {
      expected: 'claim sub for a user, or client_id, azp, cid or appid for a client that acts for itself',
      received: 'sub is missing, and there is no client',
      fix: 'configure the issuer to send one of them'
    }
  })

  issuer.service.on('beforeTokenSigning', (token: { payload: Record<string, unknown> }) => { token.payload.client_id = 'nightly-report' })
  t.same(await tryOut(entry, await requestToken({ ...machine, aud: resource })), { status: 200, body: 'nightly-report', refusals: [] })
})

test('oauth2-mock-server: the audience that a user\'s token has by default is named in the log, and is what to configure (F109)', async t => {
  issuer.service.removeAllListeners('beforeTokenSigning')
  issuer.service.on('beforeTokenSigning', (token: { payload: Record<string, unknown> }) => { token.payload.aud = 'my-api' })
  const token = await requestToken({ grant_type: 'password', username: 'ann', scope: 'projects:read' })

  const refused = await tryOut({ issuer: url, profile: 'jwt' }, token)
  t.same(explanation(refused), {
    reason: 'audience_foreign',
    detail: {
      expected: `aud is ${resource}`,
      received: 'aud is "my-api"',
      fix: 'request the token for this resource, or configure its audience at the issuer (an audience mapper, an API); ' +
        'or set authorizationServers[0].audience to a value that only tokens for this API have'
    }
  })
  t.same(await tryOut({ issuer: url, profile: 'jwt', audience: 'my-api' }, token), { status: 200, body: 'ann', refusals: [] })
})

test('oauth2-mock-server: an ID token in place of the access token is called one in the log (F109)', async t => {
  issuer.service.removeAllListeners('beforeTokenSigning')
  const code = await requestCode()
  const response = await fetch(`${url}/token`, {
    method: 'POST', body: new URLSearchParams({ grant_type: 'authorization_code', code, client_id: 'web-client', redirect_uri: 'https://app.example.com/callback' })
  })
  const { id_token: idToken } = await response.json() as { id_token: string }

  for (const entry of [url, { issuer: url, profile: 'jwt' }] as const) {
    const { detail } = only(await tryOut(entry, idToken))
    t.match(detail.received, /; this is an ID token: nonce is in the token$/)
    t.equal(detail.fix, 'send the access token of the token response, and not its ID token')
  }
})

async function requestCode (): Promise<string> {
  const query = new URLSearchParams({
    response_type: 'code', client_id: 'web-client', redirect_uri: 'https://app.example.com/callback', scope: 'openid', state: 's', nonce: 'n'
  })
  const response = await fetch(`${url}/authorize?${query.toString()}`, { redirect: 'manual' })
  return new URL(response.headers.get('location')!).searchParams.get('code')!
}
