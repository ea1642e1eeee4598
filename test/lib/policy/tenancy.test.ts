import { test } from 'tap'
import type { TenantKind, TenantRule } from '../../../lib/policy/tenancy.ts'
import { refuseForeignTenant } from '../../../lib/policy/tenancy.ts'

const request = { tenant: 'acme' } as never
const ofRequest: TenantRule = ({ tenant }: { tenant: string }) => tenant
const answers = (answer: unknown): TenantRule => () => answer as string
const neverAsked: TenantRule = () => { throw new Error('asked') }

const cases: ReadonlyArray<readonly [string, readonly string[], TenantRule, string | null]> = [
  ['a bound token on its own', ['acme'], ofRequest, null],
  ['a token bound to several', ['globex', 'acme'], ofRequest, null],
  ['a bound token on another', ['globex'], ofRequest, 'foreign'],
  ['identifiers are compared as they are', ['Acme', 'acme ', 'acm'], ofRequest, 'foreign'],
  ['a token bound to none at all', [], ofRequest, 'foreign'],
  ['a bound token where nobody says', ['acme'], null, 'missing'],
  ['a bound token where there is none: null', ['acme'], answers(null), 'missing'],
  ['a bound token where there is none: undefined', ['acme'], answers(undefined), 'missing'],
  ['nothing is no tenant', [''], answers(''), 'missing'],
  ['a number is no tenant', ['5'], answers(5), 'missing'],
  ['a list is no tenant', ['acme'], answers(['acme']), 'missing'],
  ['a bound token where any will do', ['acme'], 'any', null],
  ['whoever throws has not answered', ['acme'], neverAsked, 'unavailable'],
  ['a promise of the right one', ['acme'], async () => 'acme', null],
  ['a promise of another', ['acme'], async () => 'globex', 'foreign'],
  ['a promise of none', ['acme'], async () => null, 'missing'],
  ['a promise that is broken', ['acme'], async () => { throw new Error('gone') }, 'unavailable'],
  ['whoever takes too long has not answered', ['acme'], () => new Promise(() => {}), 'unavailable']
]

for (const kind of ['organization', 'team'] satisfies TenantKind[]) {
  for (const [title, bound, rule, reason] of cases) {
    test(`${kind === 'team' ? 'S10' : 'S11'} ${kind}: ${title}`, async t => {
      const verdict = await refuseForeignTenant(kind, bound, rule, request, 20)
      t.equal(verdict?.reason ?? null, reason === null ? null : `${kind}_${reason}`)
      if (verdict !== null) t.equal(verdict.code, reason === 'unavailable' ? 'FST_OAUTH_UNAVAILABLE' : 'FST_OAUTH_TENANT_REFUSED')
    })
  }
}
