import { readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import type { StoredConnection } from '../../../../lib/stores/connections/connection-store.ts'
import { createFileConnectionStore } from '../../../../lib/stores/connections/file-connection-store.ts'
import { turns, warningsOf } from '../../../support/warnings.ts'

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

test('a file that cannot be read counts as empty, and its content is kept when it is written over (F10)', async t => {
  const folder = t.testdir()
  const path = join(folder, 'connection.json')
  for (const text of ['', '{"secret":', '{"secret":1}', 'null', JSON.stringify({ ...connection, clients: { x: { secret: 1 } } })]) {
    await writeFile(path, text)
    const warnings = warningsOf(t)
    const store = createFileConnectionStore({ path })
    t.equal(await store.read(), null)
    t.equal(await readFile(path, 'utf8'), text)
    await store.write(connection)
    t.same(await store.read(), connection)
    const [kept = ''] = (await readdir(folder)).filter(name => name !== 'connection.json')
    t.equal(await readFile(join(folder, kept), 'utf8'), text)
    await rm(join(folder, kept))
    await turns()
    t.match(warnings, [/^(?!.*secret).*connection\.json holds no record that can be read/])
    t.equal(warnings.length, 1)
  }
  await t.rejects(createFileConnectionStore({ path: folder }).read(), { code: 'EISDIR' })
})

test('options that are refused', t => {
  for (const options of [{ path: '' }, {}, { path: 1 }, { path: 'a', more: 1 }]) {
    t.throws(() => createFileConnectionStore(options as never), { code: 'FST_OAUTH_OPTION_INVALID' }, JSON.stringify(options))
  }
  t.end()
})
