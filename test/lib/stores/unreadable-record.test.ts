import { test } from 'tap'
import { createUnreadableWarning } from '../../../lib/stores/unreadable-record.ts'
import { turns } from '../../support/warnings.ts'

test('a record that cannot be read is reported once for each store, with a name, a code and what follows from it', async t => {
  const warnings: Array<Error & { code?: string }> = []
  const listen = (warning: Error): void => { warnings.push(warning) }
  process.on('warning', listen)
  t.teardown(() => process.off('warning', listen))
  const [one, other] = [createUnreadableWarning('/a'), createUnreadableWarning('key', 'It is asked for again')]
  for (let i = 0; i < 2; i++) {
    one()
    other()
  }
  await turns()
  t.same(warnings.map(({ name, code, message }) => [name, code, message]), [
    ['OAuthStoreWarning', 'FST_OAUTH_STORED_RECORD_UNREADABLE', '/a holds no record that can be read. It counts as empty. The user has to sign in again.'],
    ['OAuthStoreWarning', 'FST_OAUTH_STORED_RECORD_UNREADABLE', 'key holds no record that can be read. It counts as empty. It is asked for again.']
  ])
})
