import type { BrowserRedirect } from '../../lib/client/oauth/redirects.ts'
import type { FakeOAuth } from './fake-oauth.ts'

/** A user who says yes at once, and what their browser did. */
export interface FakeBrowser extends BrowserRedirect {
  readonly visited: URL[]
  readonly preferred: Array<string | null>
  closed: number
}

/** @param changes parameters of the answer that are lied about */
export function createFakeBrowser (fake: Pick<FakeOAuth, 'consent'>, changes: Record<string, string | undefined> = {}): FakeBrowser {
  const browser: FakeBrowser = {
    visited: [],
    preferred: [],
    closed: 0,
    async prepare (preferred) {
      browser.preferred.push(preferred)
      return {
        redirectUri: 'http://127.0.0.1:33418/callback',
        async visit (url) {
          browser.visited.push(url)
          return await fake.consent(url, changes)
        },
        async close () { browser.closed++ }
      }
    }
  }
  return browser
}
