import { test } from 'tap'
import { idTokenHint } from '../../../lib/token/id-token.ts'
import { createExpectedToken } from '../../support/expected-token.ts'

const ofAccess = { client_id: 'client-1', scope: 'read' }
const noMark = 'there is no client and no scope in the token'

test('a token is called an ID token in the log by what it says, else by what it lacks (F109)', t => {
  const cases: Array<[claims: Record<string, unknown>, settings: Parameters<typeof createExpectedToken>[0], mark: string | null, isCertain?: boolean]> = [
    [ofAccess, {}, null],
    [{ ...ofAccess, token_use: 'id' }, {}, 'token_use is "id"', true],
    [{ ...ofAccess, token_use: 'id' }, { allowIdTokens: true }, 'token_use is "id"', true],
    [{ ...ofAccess, typ: 'ID' }, {}, 'typ is "ID"', true],
    [{ ...ofAccess, token_use: 'access', typ: 'Bearer' }, {}, null],
    [{}, {}, noMark, false],
    [{}, { allowIdTokens: true }, null],
    // The claims that access tokens have, all of them, and more than a version.
    [{ type: 'app', kind: 'access' }, { requiredClaims: { type: 'app', kind: 'access' } }, null],
    [{ type: 'app', kind: 'other' }, { requiredClaims: { type: 'app', kind: 'access' } }, noMark, false],
    [{ ver: '2.0' }, { requiredClaims: { ver: '2.0' } }, noMark, false]
  ]
  for (const [claims, settings, mark, isCertain] of cases) {
    t.strictSame(idTokenHint(claims, createExpectedToken(settings)), mark === null ? null : { mark, isCertain }, JSON.stringify([claims, settings]))
  }
  t.end()
})
