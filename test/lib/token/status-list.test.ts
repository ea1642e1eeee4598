import { deflateSync } from 'node:zlib'
import { test } from 'tap'
import { checkStatusList, readStatusList } from '../../../lib/token/status-list.ts'

const uri = 'https://login.example.com/statuses/1'
const expected = { uri, issuer: 'https://login.example.com', algorithms: ['RS256'], clockToleranceSeconds: 5, maxListBytes: 1000 } as const

test('RFC 8725 3.1: a status list is signed with an algorithm of the issuer\'s, whatever keys it has', t => {
  const listWith = (alg: unknown) => () => { checkStatusList({ header: { typ: 'statuslist+jwt', alg }, claims: { sub: uri, iat: 100 } } as never, expected as never, 100) }
  t.doesNotThrow(listWith('RS256'))
  for (const alg of ['ES256', 'rs256', undefined, 7]) t.throws(listWith(alg), { name: 'StatusListError', message: /alg must be one of RS256, got/ }, String(alg))
  t.end()
})

test('Token Status List 5.1: times are numbers, iat and nbf within the tolerance, exp without one', t => {
  const listWith = (claims: object) => () => { checkStatusList({ header: { typ: 'statuslist+jwt', alg: 'RS256' }, claims: { sub: uri, iat: 100, ...claims } } as never, expected, 100) }
  for (const claims of [{ iat: 105 }, { nbf: 0 }, { nbf: 98 }, { nbf: 105 }, { exp: 100.5 }, { ttl: 0.5 }]) t.doesNotThrow(listWith(claims), JSON.stringify(claims))
  for (const [name, times] of [['iat', [105.5, '100', null, undefined, Infinity]], ['nbf', [105.5, '100', null]], ['exp', [100, '200', null, Infinity]], ['ttl', [0, '60', null, Infinity]]] as const) {
    for (const time of times) t.throws(listWith({ [name]: time }), { name: 'StatusListError', message: new RegExp(`: ${name} must be`) }, `${name} ${String(time)}`)
  }
  t.end()
})

test('Token Status List 4.2: a list is a string of base64url, and no other spelling of its bytes is read', async t => {
  const bytes = deflateSync(Buffer.of(1))
  const lst = bytes.toString('base64url')
  const read = async (given: unknown): Promise<number | null> => (await readStatusList({ status_list: { bits: 1, lst: given }, iat: 0 }, { uri, maxListBytes: 1 })).statusAt(0)
  t.equal(await read(lst), 1)
  for (const [title, given] of [
    ['nothing', undefined], ['empty', ''], ['a number', 7], ['a list of one string', [lst]], ['its bytes', [...bytes]], ['padded', `${lst}=`],
    ['a blank before it', ` ${lst}`], ['a line break after it', `${lst}\n`], ['a foreign character within it', `${lst.slice(0, 4)}!${lst.slice(4)}`]
  ] as const) await t.rejects(read(given), { name: 'StatusListError', message: `${uri}: lst must be a string of base64url` }, title)
})
