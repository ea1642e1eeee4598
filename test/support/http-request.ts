import { once } from 'node:events'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { Agent, request } from 'node:http'

export interface HttpAnswer {
  readonly status: number
  /** Names in lower case and values in turn, in the order in which they came. */
  readonly headers: string[]
  all (name: string): string[]
  readonly body: Buffer
}

export interface HttpRequest {
  readonly method?: string
  /** Names and values in turn, so that a name may come several times. */
  readonly headers?: readonly string[]
  readonly body?: string | Buffer
}

/** Connections that nobody else has, and that are not kept. */
const agent = new Agent({ keepAlive: false, maxSockets: Infinity })

/** A request that is open: its head is sent, its body is the caller's to write. */
export function openRequest (url: string, { method = 'GET', headers = [] }: HttpRequest = {}): ClientRequest {
  const { port } = new URL(url)
  return request(url, { method, agent, headers: ['host', `127.0.0.1:${port}`, ...headers] })
}

/** The head of the answer; its body has not been read. */
export async function headOf (outgoing: ClientRequest): Promise<IncomingMessage> {
  const [response] = await once(outgoing, 'response') as [IncomingMessage]
  return response
}

/** One request to its end. */
export async function send (url: string, given: HttpRequest = {}): Promise<HttpAnswer> {
  const { body } = given
  const length = body === undefined ? [] : ['content-length', String(Buffer.byteLength(body))]
  const outgoing = openRequest(url, { ...given, headers: [...given.headers ?? [], ...length] })
  outgoing.end(body)
  return await readAnswer(await headOf(outgoing))
}

export async function readAnswer (response: IncomingMessage): Promise<HttpAnswer> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  const headers = response.rawHeaders.map((text, i) => i % 2 === 0 ? text.toLowerCase() : text)
  return {
    status: response.statusCode!,
    headers,
    all: name => headers.filter((_, i) => i % 2 === 1 && headers[i - 1] === name),
    body: Buffer.concat(chunks)
  }
}
