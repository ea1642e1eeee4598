import { test } from 'tap'
import { actorChain } from '../../../lib/policy/actor-chain.ts'

const issuer = 'https://login.example.com'
const other = 'https://other.example.com'

const cases: ReadonlyArray<readonly [string, Record<string, unknown>, ReadonlyArray<readonly [string, string]>]> = [
  ['nobody', {}, []],
  ['may_act is no act', { may_act: { sub: 'a' } }, []],
  ['one', { act: { sub: 'a' } }, [[issuer, 'a']]],
  ['several, who acts now first', { act: { sub: 'c', act: { sub: 'b', iss: other, act: { sub: 'a' } } } },
    [[issuer, 'c'], [other, 'b'], [issuer, 'a']]],
  ['only identity counts', { act: { sub: 'a', exp: 0, aud: 'x', act: { sub: 'b', exp: 0 } } }, [[issuer, 'a'], [issuer, 'b']]],
  ['one without a subject is left out', { act: { sub: 'b', act: { client_id: 'x', act: { sub: 'a' } } } }, [[issuer, 'b'], [issuer, 'a']]],
  ['one of an issuer that is none, too', { act: { sub: 'b', act: { sub: 'x', iss: 5 } } }, [[issuer, 'b']]],
  ['nothing is no subject', { act: { sub: 'b', act: { sub: '' } } }, [[issuer, 'b']]],
  ['null ends it', { act: { sub: 'a', act: null } }, [[issuer, 'a']]],
  ['text is no actor', { act: 'a' }, []]
]

for (const [title, claims, expected] of cases) {
  test(`F58 actor chain: ${title}`, t => {
    t.strictSame(actorChain({ issuer, claims }), expected.map(([iss, subject]) => ({ issuer: iss, subject })))
    t.end()
  })
}
