import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import type { StoredConnection } from '../../../../lib/stores/connections/connection-store.ts'
import { createFileConnectionStore } from '../../../../lib/stores/connections/file-connection-store.ts'

const connection: StoredConnection = {
  issuer: 'https://login.example.com',
  resource: 'https://mcp.example.com/mcp',
  requestedScopes: ['read'],
  proofKey: { kty: 'EC', alg: 'ES256', d: 'secret' },
  clients: {
    'https://login.example.com': {
      issuer: 'https://login.example.com', clientId: 'c', clientSecret: 's', authenticationMethod: 'client_secret_post', expiresAt: 1, redirectUris: ['http://127.0.0.1/']
    }
  }
}
const empty: StoredConnection = { issuer: null, resource: null, requestedScopes: null, proofKey: null, clients: {} }

test('what is written is read, by another process too, and by its owner alone', async t => {
  const path = join(t.testdir(), 'inside', 'connection.json')
  const store = createFileConnectionStore({ path })
  t.equal(await store.read(), null)
  await store.write(empty)
  t.same(await store.read(), empty)
  await store.write(connection)
  t.same(await createFileConnectionStore({ path }).read(), connection)
  if (process.platform !== 'win32') t.equal((await stat(path)).mode & 0o777, 0o600)
})

test('writers do not mix', async t => {
  const path = join(t.testdir(), 'connection.json')
  const writers = [createFileConnectionStore({ path }), createFileConnectionStore({ path })]
  await Promise.all(Array.from({ length: 10 }, async (_none, i) => await writers[i % 2]!.write({ ...empty, requestedScopes: [`s${i}`.repeat(50)] })))
  t.match((await writers[0]!.read())!.requestedScopes, [/^s\d/])
})

test('a file that is none of ours is left as it is, and not shown', async t => {
  const path = join(t.testdir(), 'connection.json')
  for (const found of ['', '{"secret":', '{"secret":1}', 'null', JSON.stringify({ ...connection, clients: { x: { secret: 1 } } })]) {
    await writeFile(path, found)
    await t.rejects(createFileConnectionStore({ path }).read(), { name: 'TypeError', message: /^(?!.*secret).*holds no connection of ours/ }, found)
    t.equal(await readFile(path, 'utf8'), found)
  }
  await t.rejects(createFileConnectionStore({ path: t.testdirName }).read(), { code: 'EISDIR' })
})

test('options that are refused', t => {
  t.throws(() => createFileConnectionStore({ path: '' }), { code: 'FST_OAUTH_OPTION_INVALID' })
  t.end()
})
