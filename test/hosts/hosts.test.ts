import { existsSync } from 'node:fs'
import type { Test } from 'tap'
import { test } from 'tap'
import { notTested } from '../support/missing-part.ts'
import { checkHost } from './check.ts'
import type { Host } from './host.ts'
import { startHost } from './host.ts'
import { checkNestExample, hasRegistry, hostNames, installHosts } from './install.ts'

/** What a host shows beyond what every host does: `check.ts` in its folder. */
async function ownCheck (name: string): Promise<(t: Test, host: Host) => Promise<void>> {
  const url = new URL(`./${name}/check.ts`, import.meta.url)
  if (!existsSync(url)) return async () => {}
  return (await import(url.href) as { check: (t: Test, host: Host) => Promise<void> }).check
}

const skip = await hasRegistry() ? false : notTested('a package registry cannot be reached, from which the hosts are installed: npm ping')

test('the packed package in other people\'s applications', { skip }, async t => {
  const folder = await installHosts()
  await t.test('the types of the NestJS example', async t => {
    t.same(await checkNestExample(folder, 'nest-12'), [])
  })
  for (const name of await hostNames()) {
    await t.test(name, async t => {
      const host = await startHost(folder, name)
      t.teardown(() => host.stop())
      await checkHost(t, host)
      await (await ownCheck(name))(t, host)
    })
  }
})
