import { test } from 'tap'
import { emptyConnection, createMemoryConnectionStore, limitConnectionStore } from '../../../../lib/stores/connections/connection-store.ts'

test('a connection store that never answers blocks nobody', async t => {
  const never = async (): Promise<never> => await new Promise<never>(() => {})
  const store = limitConnectionStore({ read: never, write: never }, 5)
  await t.rejects(store.read(), { name: 'TimeLimitError' })
  await t.rejects(store.write(emptyConnection), { name: 'TimeLimitError' })
  const good = limitConnectionStore(createMemoryConnectionStore(), 60_000)
  await good.write(emptyConnection)
  t.same(await good.read(), emptyConnection)
})
