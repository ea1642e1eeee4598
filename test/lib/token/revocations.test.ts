import { test } from 'tap'
import type { AccessToken } from '../../../lib/token/access-token.ts'
import { checkNotRevoked } from '../../../lib/token/revocations.ts'

const accessToken = { subject: 'ann' } as unknown as AccessToken

test('the log learns why a token that may be revoked is refused', async t => {
  let revoked = 0
  const check = async (isRevoked: () => unknown): Promise<unknown> => await checkNotRevoked(accessToken, { isRevoked: isRevoked as () => boolean }, 20, () => { revoked++ })
  t.equal(await check(() => false), accessToken)
  t.equal(await check(async () => false), accessToken)
  t.equal(revoked, 0)
  for (const yes of [() => true, async () => true]) {
    await t.rejects(check(yes), { reason: 'token_revoked', detail: { expected: 'a token that is not revoked', received: 'isRevoked returned true' } } as never)
  }
  t.equal(revoked, 2, 'the cache is told')
  const noAnswers: Array<[answer: () => unknown, received: string]> = [
    [() => 'yes', '"isRevoked must return a boolean, and returned string"'],
    [() => { throw new Error('down') }, '"down"'], [async () => { throw new Error('down') }, '"down"'],
    [() => new Promise(() => {}), '"no answer within 20 ms"']
  ]
  for (const [answer, received] of noAnswers) {
    await t.rejects(check(answer), { reason: 'revocations_unavailable', statusCode: 503, detail: { expected: 'an answer of the revocation store', received } } as never, received)
  }
  t.equal(revoked, 2)
})
