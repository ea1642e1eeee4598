import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { CallToolResult } from '@modelcontextprotocol/client'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { test } from 'tap'
import { missingUnix } from '../support/unix.ts'
import { createUserAgent } from '../support/user-agent.ts'

const main = fileURLToPath(new URL('../../examples/local-proxy/main.ts', import.meta.url))

interface Configuration {
  readonly mcpServers: { readonly projects: { readonly url: string, readonly headers: Record<string, string> } }
}

test('one command starts a proxy for the MCP clients of a desktop, whose user never hears that tokens die (F72)', { skip: missingUnix('signals') }, async t => {
  const child = spawn(process.execPath, ['--import', 'tsx', main], {
    env: { PATH: process.env.PATH, PROXY_PORT: '0' }, stdio: ['ignore', 'pipe', 'pipe']
  })
  t.teardown(() => child.kill('SIGKILL'))
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text })
  const exited = once(child, 'close')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]() as AsyncIterator<string>
  /** Everything up to the first line that is like that. */
  const read = async (last: RegExp): Promise<string[]> => {
    const texts: string[] = []
    for (;;) {
      const { value, done = false } = await lines.next()
      if (done) throw new Error(`it stopped after ${texts.join('\n')}: ${stderr}`)
      texts.push(value)
      if (last.test(value)) return texts
    }
  }

  const signIn = (await read(/^http/)).at(-1)!
  const back = await createUserAgent().authorize(signIn)
  t.equal((await fetch(back)).status, 200, 'the user comes back from the sign-in')
  const printed = await read(/^}$/)
  const { mcpServers: { projects } } = JSON.parse(printed.slice(printed.indexOf('{')).join('\n')) as Configuration

  const client = new Client({ name: 'test', version: '1.0.0' })
  t.teardown(() => client.close())
  await client.connect(new StreamableHTTPClientTransport(new URL(projects.url), { requestInit: { headers: projects.headers } }))
  const answers = new Set<string>()
  for (let i = 0; i < 10; i++) {
    const { content } = await client.callTool({ name: 'whoami' }) as CallToolResult
    answers.add(JSON.stringify(content))
  }
  t.equal(answers.size, 1, 'ten calls have the same answer')
  const taken = (await read(/after 9 requests/)).filter(line => line.startsWith('The server has taken the access token back'))
  t.equal(taken.length, 3, 'through several tokens')

  t.equal((await fetch(projects.url, { method: 'POST' })).status, 401, 'nobody else on the machine gets in')
  child.kill('SIGTERM')
  t.same(await exited, [0, null])
  t.notMatch(stderr, /error|Bearer/i, 'oidc-provider may say what it thinks of the runtime')
})

test('who stops it before the sign-in is not waited for (F72)', { skip: missingUnix('signals') }, async t => {
  const child = spawn(process.execPath, ['--import', 'tsx', main], {
    env: { PATH: process.env.PATH, PROXY_PORT: '0' }, stdio: ['ignore', 'pipe', 'inherit']
  })
  t.teardown(() => child.kill('SIGKILL'))
  const exited = once(child, 'exit')
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('http')) child.kill('SIGINT')
  }
  t.same(await exited, [0, null])
})
