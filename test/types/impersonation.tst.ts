import type { FastifyInstance } from 'fastify'
import { describe, expect, test } from 'tstyche'
import type {
  EndedImpersonation, ImpersonationRecord, Impersonation, ImpersonatedTokenOptions, ExistingGrant, AuditedDecision
} from '../../plugins/entry-points/impersonation.ts'
import '../../plugins/index.ts'

declare const app: FastifyInstance
declare const storedRecord: ImpersonationRecord | null

describe('a grant that is used again', () => {
  test('is judged by a session, or by its stamp alone', () => {
    expect<ExistingGrant>().type.toBeAssignableFrom({ storedRecord, step: 'automatic-approval' as const, impersonation: null })
    expect<ExistingGrant>().type.toBeAssignableFrom({ storedRecord, step: 'exchange' as const })
    expect<ExistingGrant>().type.not.toBeAssignableFrom({ storedRecord, step: 'automatic-approval' as const })
    expect<ExistingGrant>().type.not.toBeAssignableFrom({ storedRecord, step: 'exchange' as const, impersonation: null })
    expect(app.impersonationGuard.checkExistingGrant({ storedRecord, step: 'refresh' })).type.toBe<Promise<AuditedDecision>>()
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
