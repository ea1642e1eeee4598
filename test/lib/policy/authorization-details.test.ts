import { test } from 'tap'
import { detailsFor, refuseByDetails } from '../../../lib/policy/authorization-details.ts'
import type { AuthorizationDetailsRule } from '../../../lib/policy/authorization-details.ts'

type Detail = Record<string, unknown>
const resource = 'https://api.example.com'
const config = { resource, authorizationDetailsTypes: null, lookupTimeoutMs: 20 }
const payment: Detail = { type: 'payment', amount: 10 }

const filtered: ReadonlyArray<readonly [string, readonly string[] | null, Detail, boolean]> = [
  ['R9396-04 no locations', null, payment, true],
  ['R9396-04 this location', null, { ...payment, locations: [resource] }, true],
  ['R9396-04 this location among others', null, { ...payment, locations: ['https://b', resource] }, true],
  ['R9396-04 another location', null, { ...payment, locations: ['https://b'] }, false],
  ['R9396-04 a location that begins like this one', null, { ...payment, locations: [`${resource}/`] }, false],
  ['R9396-04 no location at all', null, { ...payment, locations: [] }, false],
  ['R9396-04 a location that is no list', null, { ...payment, locations: resource }, false],
  ['R9396-04 null is no list', null, { ...payment, locations: null }, false],
  ['R9396-03 a type that is known', ['account', 'payment'], payment, true],
  ['R9396-03 a type that is not', ['account'], payment, false],
  ['R9396-03 no type is known', [], payment, false],
  ['R9396-03 a type that is known, for elsewhere', ['payment'], { ...payment, locations: ['https://b'] }, false]
]

for (const [title, authorizationDetailsTypes, detail, kept] of filtered) {
  test(`details: ${title}`, t => {
    const details = detailsFor({ resource, authorizationDetailsTypes }, [detail, { type: 'x', locations: [] }])
    t.strictSame(details, kept ? [detail] : [])
    t.ok(Object.isFrozen(details))
    t.end()
  })
}

const answers = (answer: unknown): AuthorizationDetailsRule<never> => () => answer as boolean
const request = { amount: 10 } as never
const covers: AuthorizationDetailsRule<never> = (details, { amount }: { amount: number }) =>
  details.some(detail => detail.type === 'payment' && (detail.amount as number) >= amount)

const judged: ReadonlyArray<readonly [string, AuthorizationDetailsRule<never>, readonly Detail[], string | null]> = [
  ['R9396-02 enough', covers, [payment], null],
  ['R9396-02 not enough', covers, [{ ...payment, amount: 9 }], 'authorization_details_insufficient'],
  ['R9396-02 none', covers, [], 'authorization_details_missing'],
  ['R9396-02 none, and every one of none is fine', details => details.every(() => true), [], 'authorization_details_missing'],
  ['R9396-04 enough, elsewhere', covers, [{ ...payment, locations: ['https://b'] }], 'authorization_details_missing'],
  ['only true is a yes', answers('yes'), [payment], 'authorization_details_insufficient'],
  ['a promise of a yes', async () => true, [payment], null],
  ['a promise of a no', async () => false, [payment], 'authorization_details_insufficient'],
  ['whoever throws has not answered', () => { throw new Error('gone') }, [payment], 'authorization_details_unavailable'],
  ['a promise that is broken', async () => { throw new Error('gone') }, [payment], 'authorization_details_unavailable'],
  ['a promise that is never kept', () => new Promise(() => {}), [payment], 'authorization_details_unavailable']
]

for (const [title, rule, authorizationDetails, reason] of judged) {
  test(`authorization by details: ${title}`, async t => {
    const verdict = await refuseByDetails(rule, { authorizationDetails }, config, request)
    t.equal(verdict?.reason ?? null, reason)
    if (verdict !== null) t.equal(verdict.statusCode, reason === 'authorization_details_unavailable' ? 503 : 403)
  })
}
