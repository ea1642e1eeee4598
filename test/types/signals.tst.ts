import Fastify from 'fastify'
import type { FastifyPluginCallback, FastifyRequest } from 'fastify'
import { describe, expect, test } from 'tstyche'
import { audit, auditEntry } from '../../plugins/index.ts'
import type {
  Audit, AuditEntry, GrantDecisionEvent, McpReason, OAuthCounters, OAuthResourceServerOptions, Reason, RefusalEvent, SecurityEvent, SignalEvent
} from '../../plugins/index.ts'

const app = Fastify()
declare const request: FastifyRequest
const least = { resource: 'https://api.example.com', authorizationServers: ['https://login.example.com'] }

describe('signals', () => {
  test('the plugin takes no options, they are part of the configuration', () => {
    expect(audit).type.toBe<FastifyPluginCallback>()
    expect<OAuthResourceServerOptions>().type.toBeAssignableFrom({ ...least, audit: { level: 'silent' as const } })
    expect<OAuthResourceServerOptions>().type.not.toBeAssignableFrom({ ...least, audit: { level: 'loud' } })
  })

  test('an event is told apart by its kind', () => {
    const event = {} as SecurityEvent
    if (event.kind === 'grant-decision') expect(event).type.toBe<GrantDecisionEvent>()
    else if (event.kind === 'signal') expect(event).type.toBe<SignalEvent>()
    else expect(event).type.toBe<RefusalEvent>()
    expect<SecurityEvent['scheme']>().type.toBe<'Bearer' | 'DPoP' | null>()
    expect<RefusalEvent['reason']>().type.toBe<Reason | McpReason>()
    expect<SecurityEvent>().type.not.toHaveProperty('claims')
  })

  test('what the server and a request are asked for', () => {
    expect<Pick<typeof app, 'oauthCounters' | 'oauthAudit'>>().type.toBe<{ readonly oauthCounters: OAuthCounters, readonly oauthAudit: Audit }>()
    expect(auditEntry(request)).type.toBe<AuditEntry>()
    expect(app.oauthAudit.record).type.toBeCallableWith({} as SecurityEvent, app.log)
  })
})
