import type { FastifyInstance } from 'fastify'
import { describe, expect, test } from 'tstyche'
import type {
  EndedImpersonation, ImpersonationRecord, Impersonation, ImpersonatedTokenOptions, ReusedGrant, AuditedDecision
} from '../../plugins/entry-points/impersonation.ts'
import '../../plugins/index.ts'

declare const app: FastifyInstance
declare const stamp: ImpersonationRecord | null

describe('a grant that is used again', () => {
  test('is judged by a session, or by its stamp alone', () => {
    expect<ReusedGrant>().type.toBeAssignableFrom({ stamp, path: 'automatic-approval' as const, impersonation: null })
    expect<ReusedGrant>().type.toBeAssignableFrom({ stamp, path: 'exchange' as const })
    expect<ReusedGrant>().type.not.toBeAssignableFrom({ stamp, path: 'automatic-approval' as const })
    expect<ReusedGrant>().type.not.toBeAssignableFrom({ stamp, path: 'exchange' as const, impersonation: null })
    expect(app.impersonationGuard.judgeReuse({ stamp, path: 'refresh' })).type.toBe<Promise<AuditedDecision>>()
  })
})

describe('what is read and written', () => {
  test('a stamp is an impersonation', () => {
    expect<Impersonation>().type.toBeAssignableFrom<ImpersonationRecord>()
    expect<EndedImpersonation>().type.toBeAssignableFrom<Impersonation>()
  })

  test('markers', () => {
    expect<ImpersonatedTokenOptions>().type.toBeAssignableFrom({ markers: [{ claim: ['ext', 'impersonator'] }, { actorIssuer: 'https://staff.example' }, { actorSubject: /^staff:/ }] })
    expect<ImpersonatedTokenOptions>().type.not.toBeAssignableFrom({ markers: [{ subject: 'x' }] })
  })
})
