import { test } from 'tap'
import { checkStatusList } from '../../../lib/token/status-list.ts'

const uri = 'https://login.example.com/statuses/1'
const expected = { uri, issuer: 'https://login.example.com', algorithms: ['RS256'], clockToleranceSeconds: 5, maxListBytes: 1000 } as const

test('RFC 8725 3.1: a status list is signed with an algorithm of the issuer\'s, whatever keys it has', t => {
  const listWith = (alg: unknown) => () => { checkStatusList({ header: { typ: 'statuslist+jwt', alg }, claims: { sub: uri, iat: 100 } } as never, expected as never, 100) }
  t.doesNotThrow(listWith('RS256'))
  for (const alg of ['ES256', 'rs256', undefined, 7]) t.throws(listWith(alg), { name: 'StatusListError', message: /alg must be one of RS256, got/ }, String(alg))
  t.end()
})
