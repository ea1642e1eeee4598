import fc from 'fast-check'
import { test } from 'tap'
import type { ClientMark } from '../../../lib/token/principal.ts'
import { principalTypeOf, unknownPlaceholder } from '../../../lib/token/principal.ts'

const party = { subject: 'user-1', clientId: 'client-1' }

test('R9068-14 a subject that is the client acts for itself, letter for letter', async t => {
  for (const [subject, clientId, type] of [
    ['a', 'a', 'client'], ['a', 'A', 'user'], ['a', 'b', 'user'], ['a', null, 'user'], ['null', null, 'user']
  ] as const) t.equal(principalTypeOf({}, { subject, clientId }, []), type, `${subject} ${clientId}`)
})

test('R9068-14 what else says that a client acts for itself', async t => {
  const cases: Array<[mark: ClientMark, claims: Record<string, unknown>, isClient: boolean]> = [
    [{ gty: 'client-credentials' }, { gty: 'client-credentials' }, true],
    [{ gty: 'client-credentials' }, { gty: 'password' }, false],
    [{ gty: 'client-credentials' }, { gty: ['client-credentials'] }, false],
    [{ gty: 'client-credentials' }, {}, false],
    [{ sub: '{clientId}@clients' }, { sub: 'client-1@clients' }, true],
    [{ sub: '{clientId}@clients' }, { sub: 'client-2@clients' }, false],
    [{ sub: '{clientId}@clients' }, { sub: '{clientId}@clients' }, false],
    [{ oid: '{subject}' }, { oid: 'user-1' }, true],
    [{ oid: '{subject}' }, { oid: 'user-2' }, false],
    [{ both: '{clientId} {subject} {clientId}' }, { both: 'client-1 user-1 client-1' }, true],
    [{ address: true }, { address: '127.0.0.1' }, true],
    [{ address: true }, { address: false }, true],
    [{ address: true }, { address: null }, false],
    [{ address: true }, {}, false],
    [{ a: 'x', b: true }, { a: 'x', b: 1 }, true],
    [{ a: 'x', b: true }, { a: 'x' }, false],
    [{ a: 'x', b: true }, { b: 1 }, false],
    [JSON.parse('{"constructor":true}') as ClientMark, {}, false],
    [JSON.parse('{"toString":true}') as ClientMark, {}, false]
  ]
  for (const [mark, claims, isClient] of cases) {
    t.equal(principalTypeOf(claims, party, [mark]), isClient ? 'client' : 'user', JSON.stringify([mark, claims]))
  }
  t.equal(principalTypeOf({ b: 'y' }, party, [{ a: 'x' }, { b: 'y' }]), 'client', 'any one will do')
  t.equal(principalTypeOf({ sub: '@clients' }, { subject: '@clients', clientId: null }, [{ sub: '{clientId}@clients' }]), 'user', 'of no client')
  t.equal(principalTypeOf({ oid: 'user-1' }, { subject: 'user-1', clientId: null }, [{ oid: '{subject}' }]), 'client')
})

test('what stands for the client is its name and nothing more, whatever is in it', async t => {
  fc.assert(fc.property(fc.string({ minLength: 1 }), fc.string(), (clientId, subject) => {
    fc.pre(subject !== clientId)
    const mark = { sub: 'service-{clientId}' }
    return principalTypeOf({ sub: `service-${clientId}` }, { subject, clientId }, [mark]) === 'client' &&
      principalTypeOf({ sub: `service-${clientId}x` }, { subject, clientId }, [mark]) === 'user'
  }))
  t.equal(principalTypeOf({ sub: 'service-$&{subject}' }, { subject: 's', clientId: '$&{subject}' }, [{ sub: 'service-{clientId}' }]), 'client')
})

test('what stands for nothing', async t => {
  for (const [said, unknown] of [
    ['{clientId}@clients', null], ['{subject}', null], ['plain', null], ['{', null], [true, null],
    ['{client}', '{client}'], ['{clientId}{clientid}', '{clientid}'], ['{}', '{}'], ['{ subject}', '{ subject}']
  ] as const) t.equal(unknownPlaceholder(said), unknown, String(said))
})
