import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'tap'
import { createFileTokenStore } from '../../../lib/stores/tokens/file-token-store.ts'
import { loader } from '../../support/loader.ts'

test('processes of their own: no write is lost (RFSH-05)', { timeout: 60_000 }, async t => {
  const path = join(t.testdir(), 'tokens.json')
  const child = new URL('../../support/file-store-child.ts', import.meta.url)
  const children = [1, 2].map(() => fork(child, [path, '15'], { execArgv: [...loader], stdio: 'inherit' }))
  for (const [code] of await Promise.all(children.map(one => once(one, 'exit')))) t.equal(code, 0)
  const record = await createFileTokenStore({ path }).read()
  t.equal(record!.tokens!.accessToken, '30', 'each counted on from what was there')
})
