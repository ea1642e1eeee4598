import { test } from 'tap'
import { connect } from '../../../lib/client/connect.ts'
import type { Connection } from '../../../lib/client/connect.ts'
import { requestClientCredentials } from '../../../lib/client/client-credentials.ts'
import type { BrowserRedirect } from '../../../lib/client/browser-redirect.ts'
import type { FakeOAuth } from '../../support/fake-oauth.ts'
import { createFakeOAuth } from '../../support/fake-oauth.ts'
import { failed } from '../../support/failed.ts'

export function browserOf (fake: FakeOAuth): BrowserRedirect & { visits: number } {
  const browser = {
    visits: 0,
    async prepare () {
      return {
        redirectUri: 'http://127.0.0.1:3000/callback',
        async visit (url: URL) {
          browser.visits++
          return await fake.consent(url)
        },
        async close () {}
      }
    }
  }
  return browser
}

test('x', async t => {
  const fake = createFakeOAuth({ challenge: 'scope="read"', scopesOf: path => path.endsWith('/w') ? ['write'] : ['read'] })
  const connection = await connect({ url: fake.resource, browser: browserOf(fake), fetch: fake.fetch as typeof fetch })
  const r = await connection.fetch(fake.resource)
  console.log(r.status, await r.text(), fake.log())
  const r2 = await connection.fetch(fake.resource + '/w')
  console.log(r2.status, await r2.text(), fake.log())
})
