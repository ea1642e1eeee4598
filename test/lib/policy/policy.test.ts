import { test } from 'tap'
import type { Policy } from '../../../lib/policy/policy.ts'
import { refuseByPolicy } from '../../../lib/policy/policy.ts'
import { accessTokenOf } from '../../support/access-token.ts'

const answers = (answer: unknown): Policy<never> => () => answer as boolean
const accessToken = accessTokenOf()
const request = { url: '/x' } as never

const cases: ReadonlyArray<readonly [string, Policy<never>, string | null]> = [
  ['yes', answers(true), null],
  ['it gets token and request', (token, { url }: { url: string }) => token === accessToken && url === '/x', null],
  ...[false, undefined, null, 1, 'true', {}].map(answer =>
    [`${JSON.stringify(answer) ?? 'undefined'} is a no`, answers(answer), 'policy_refused'] as const),
  ['throws', () => { throw new Error('gone') }, 'policy_unavailable'],
  ['promised yes', async () => true, null],
  ['promised no', async () => false, 'policy_refused'],
  ['a promise of something that is not true', async () => 1 as unknown as boolean, 'policy_refused'],
  ['broken promise', async () => { throw new Error('gone') }, 'policy_unavailable'],
  ['a promise that is never kept', () => new Promise(() => {}), 'policy_unavailable']
]

for (const [title, policy, reason] of cases) {
  test(`policy: ${title} (F61)`, async t => {
    const verdict = await refuseByPolicy(policy, accessToken, request, 20)
    t.equal(verdict?.reason ?? null, reason)
    if (verdict !== null) t.equal(verdict.statusCode, reason === 'policy_refused' ? 403 : 503)
  })
}
