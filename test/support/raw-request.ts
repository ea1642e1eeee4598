import { connect } from 'node:net'

export interface RawResponse {
  readonly status: number
  /** The header lines as they came, names in lower case. */
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  readonly body: string
}

/** Sends a request exactly as written, for what no HTTP client would send. */
export async function rawRequest (
  port: number, requestLine: string, headers: ReadonlyArray<readonly [name: string, value: string]>
): Promise<RawResponse> {
  const lines = [requestLine, ...headers.map(([name, value]) => `${name}: ${value}`), 'Connection: close', '', '']
  const answer = await new Promise<string>((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect(port, 'localhost', () => socket.write(lines.join('\r\n')))
    socket.on('data', chunk => chunks.push(chunk))
    socket.once('end', () => resolve(Buffer.concat(chunks).toString('latin1')))
    socket.once('error', reject)
  })
  const end = answer.indexOf('\r\n\r\n')
  const [statusLine = '', ...fields] = answer.slice(0, end).split('\r\n')
  return {
    status: Number(statusLine.split(' ')[1]),
    headers: fields.map(field => {
      const colon = field.indexOf(':')
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()] as const
    }),
    body: answer.slice(end + 4)
  }
}
