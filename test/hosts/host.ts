import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:http2'
import { join } from 'node:path'
import { createFakeIssuer } from '../support/issuer.ts'
import { nodeFor } from './install.ts'

/** What a host answers. */
export interface HostResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface HostRequest {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** An application that runs in a process of its own, and protects `GET /items` with the scope `items:read`. */
export interface Host {
  readonly origin: string
  send (path: string, request?: HostRequest): Promise<HostResponse>
  /** A token that the host can verify. */
  token (claims?: Record<string, unknown>): Promise<string>
  /** A token of an issuer whose keys cannot be fetched. */
  unverifiableToken (): Promise<string>
  stop (): Promise<void>
}

export const hostResource = 'https://api.example.com'

/** @throws Error with what the host wrote, when it does not start */
export async function startHost (folder: string, name: string): Promise<Host> {
  const issuer = await createFakeIssuer()
  const unreachable = await createFakeIssuer({ issuer: 'https://unreachable.example.com' })
  const options = {
    resource: hostResource,
    authorizationServers: [
      { issuer: issuer.issuer, jwks: { keys: issuer.keys.map(key => key.publicJwk) } },
      // Nothing listens on this port, and no DNS look-up is needed.
      { issuer: unreachable.issuer, jwksUri: 'http://127.0.0.1:9/jwks', advertised: false }
    ],
    scopes: { 'items:read': 'Read items' }
  }
  const { NODE_OPTIONS: _ofTap, ...env } = process.env
  const child = spawn(await nodeFor(folder, name), ['main.js'], { cwd: join(folder, name), env: { ...env, OAUTH_OPTIONS: JSON.stringify(options), PORT: '0' } })
  let output = ''
  const listening = new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      output += String(chunk)
      const origin = /http:\/\/(?:127\.0\.0\.1|localhost):\d+/.exec(output)?.[0]
      if (origin !== undefined) resolve(origin)
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    child.once('exit', code => reject(new Error(`${name} ended with ${code}:\n${output}`)))
  })
  const origin = await listening
  return {
    origin,
    send: (path, request = {}) => name === 'http2' ? sendOverHttp2(origin, path, request) : sendOverHttp1(origin, path, request),
    token: claims => issuer.token(claims),
    unverifiableToken: () => unreachable.token(),
    async stop () {
      if (child.exitCode !== null) return
      child.kill()
      await once(child, 'exit')
    }
  }
}

async function sendOverHttp1 (origin: string, path: string, { method = 'GET', headers = {}, body }: HostRequest): Promise<HostResponse> {
  const response = await fetch(`${origin}${path}`, { method, headers: { ...headers, connection: 'close' }, ...body === undefined ? {} : { body } })
  return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() }
}

async function sendOverHttp2 (origin: string, path: string, { method = 'GET', headers = {}, body }: HostRequest): Promise<HostResponse> {
  const session = connect(origin)
  try {
    const stream = session.request({ ':method': method, ':path': path, ...headers })
    stream.end(body)
    const [response] = await once(stream, 'response') as [Record<string, string>]
    const chunks: Buffer[] = []
    for await (const chunk of stream) chunks.push(chunk as Buffer)
    return { status: Number(response[':status']), headers: response, body: Buffer.concat(chunks).toString() }
  } finally {
    session.close()
  }
}
