import diagnosticsChannel from 'node:diagnostics_channel'
import { test } from 'tap'
import { InsufficientScopeError, InvalidTokenError, MissingTokenError, OAuthResourceError, UnavailableError } from '../../../lib/errors/errors.ts'
import type { AuditLevel, AuditWriter } from '../../../lib/audit/audit.ts'
import {
  attributionOf, channelName, createAudit, defaultAuditSettings, isAudited, markAudited, refusalEvent, standaloneAudit
} from '../../../lib/audit/audit.ts'
import { createCounters } from '../../../lib/audit/audit.ts'
import type { SecurityEvent } from '../../../lib/audit/events.ts'
import { grantDecisionEvent, useDecisionEvent } from '../../../lib/audit/grant-events.ts'
import { signalEvent } from '../../../lib/audit/signal-events.ts'
import { McpError } from '../../../lib/errors/mcp-errors.ts'
import { reasonTable } from '../../../lib/errors/reason-table.ts'
import type { SignalOutcome } from '../../../lib/shared-signals/receiver.ts'
import { accessTokenOf } from '../../support/access-token.ts'

const where = { accessToken: null, route: null, time: 0 }
const decision = { impersonation: { staff: 'sam', customer: 'ann' }, access: null, record: null, withoutApproval: [], error: null }
const said = { step: null, client: null }
const refused = refusalEvent(new MissingTokenError(), where)
const unavailable = refusalEvent(new UnavailableError('keys_unavailable', 5), where)
const allowed = grantDecisionEvent({ ...decision, allowed: true, reason: 'approved' }, said, where)
const blocked = grantDecisionEvent({ ...decision, allowed: false, reason: 'not_approved' }, said, where)
const used = useDecisionEvent({ ...decision, allowed: true, reason: 'approved' }, null, where)
const notUsed = useDecisionEvent({ ...decision, allowed: false, reason: 'not_approved' }, new OAuthResourceError('FST_OAUTH_ACCESS_DENIED', { reason: 'not_approved' }), where)

const signal = (outcome: SignalOutcome): SecurityEvent => signalEvent({
  type: 'urn:event', transmitter: 'https://login.example.com', id: '1', transaction: null, subject: { format: 'opaque', id: '1' }, payload: {}, happenedAt: 0, outcome, revocations: []
}, { statusCode: null, route: null, time: 0 })
const refusedSignal = signalEvent({ err: 'invalid_issuer', description: 'x', transmitter: 'https://login.example.com' }, { statusCode: null, route: null, time: 0 })

type Line = [level: string, entry: object, message: string]

function createWriter (): { log: AuditWriter, lines: Line[] } {
  const lines: Line[] = []
  const levels = ['trace', 'debug', 'info', 'warn', 'error'] as const
  const log = Object.fromEntries(levels.map(level => [level, (entry: object, message: string) => { lines.push([level, entry, message]) }]))
  return { log: log as unknown as AuditWriter, lines }
}

const rows: ReadonlyArray<readonly [AuditLevel, SecurityEvent, string | null, string]> = [
  [defaultAuditSettings.level, refused, 'info', 'request refused: token_missing'],
  ['debug', refused, 'debug', 'request refused: token_missing'],
  ['info', unavailable, 'error', 'request could not be checked: keys_unavailable'],
  ['info', allowed, 'info', 'grant by an impersonator allowed'],
  ['debug', blocked, 'warn', 'grant by an impersonator refused'],
  ['info', used, 'info', 'use of an impersonated token allowed'],
  ['info', notUsed, 'warn', 'use of an impersonated token refused'],
  ['debug', signal('revoked'), 'debug', 'shared signal revoked: urn:event'],
  ['info', signal('unresolved'), 'warn', 'shared signal unresolved: urn:event'],
  ['info', signal('discarded'), 'warn', 'shared signal discarded: urn:event'],
  ['info', refusedSignal, 'info', 'shared signal refused: invalid_issuer'],
  ['silent', refused, null, ''],
  ['silent', blocked, null, '']
]
for (const [level, event, written, message] of rows) {
  test(`level ${level}: ${event.kind} ${event.reason} is written as ${String(written)} (F63)`, t => {
    const { log, lines } = createWriter()
    createAudit({ level }, null).record(event, log)
    t.strictSame(lines, written === null ? [] : [[written, { audit: event }, message]])
    t.end()
  })
}

test('what failed is written when nobody else does', t => {
  const { log, lines } = createWriter()
  const error = new Error('down')
  createAudit(defaultAuditSettings, null).record(blocked, log, error)
  t.strictSame(lines[0]![1], { audit: blocked, err: error })
  t.end()
})

test('every event is counted, and published when somebody listens (F63, F81)', t => {
  const { log } = createWriter()
  const counters = createCounters()
  const audit = createAudit({ level: 'silent' }, counters)
  const heard: unknown[] = []
  const listener = (event: unknown): void => { heard.push(event) }

  audit.record(refused, log)
  diagnosticsChannel.subscribe(channelName, listener)
  t.teardown(() => diagnosticsChannel.unsubscribe(channelName, listener))
  audit.record(blocked, log)

  t.strictSame(heard, [blocked])
  t.equal(heard[0], blocked)
  t.equal(counters.snapshot().refused[0]!.count, 1)
  t.equal(counters.snapshot().grants[0]!.count, 1)
  t.end()
})

test('what is told once is known to be', t => {
  const [one, other] = [new Error('one'), new Error('one')]
  markAudited(one)
  t.equal(isAudited(one), true)
  t.equal(isAudited(other), false)
  t.end()
})

test('a server that is no protected resource has an audit that counts nothing', t => {
  const { log, lines } = createWriter()
  standaloneAudit.record(blocked, log)
  t.strictSame(lines, [['warn', { audit: blocked }, 'grant by an impersonator refused']])
  t.end()
})

const actor = { issuer: 'https://login.example.com', subject: 'staff-1' }
const nobody = { issuer: null, subject: null, actor: null, clientId: null, tokenId: null }
const ann = { issuer: 'https://login.example.com', subject: 'ann', actor, clientId: 'client-1', tokenId: 'token-1' }
const request = { accessToken: null, route: 'GET /', time: 5 }

test('an action is recorded for subject, actor, client and token id, and for nothing else (R8693-13)', t => {
  t.strictSame(attributionOf(accessTokenOf({ actor })), ann)
  t.strictSame(attributionOf(null), nobody)
  t.end()
})

test('a refusal has its reason, code and status, and no claim (S16)', t => {
  const events = [
    [new InvalidTokenError('audience_foreign'), 'refusal', 'audience_foreign', 'FST_OAUTH_TOKEN_INVALID', 401],
    [new UnavailableError('keys_unavailable', 5), 'unavailable', 'keys_unavailable', 'FST_OAUTH_UNAVAILABLE', 503]
  ] as const
  for (const [error, kind, reason, code, statusCode] of events) {
    t.strictSame(refusalEvent(error, request), { kind, reason, code, statusCode, detail: { fix: reasonTable[reason].fix }, route: 'GET /', ...nobody, scheme: null, time: 5 })
  }
  t.strictSame(refusalEvent(new InsufficientScopeError(['a']), { ...request, accessToken: accessTokenOf({ actor }) }), {
    kind: 'refusal', reason: 'scope_insufficient', code: 'FST_OAUTH_SCOPE_INSUFFICIENT', statusCode: 403, detail: { fix: reasonTable.scope_insufficient.fix }, route: 'GET /', ...ann, scheme: null, time: 5
  })
  t.end()
})

test('a refusal says what was expected, what came and how to fix it [A1]', t => {
  const detail = { expected: 'aud https://api.example.com', received: 'aud "https://api.example.com/"' }
  const { fix } = reasonTable.audience_foreign
  t.strictSame(refusalEvent(new InvalidTokenError('audience_foreign', undefined, detail), request).detail, { ...detail, fix }, 'the table says how to fix it')
  const own = { fix: 'drop the slash' }
  t.strictSame(refusalEvent(new InvalidTokenError('audience_foreign', undefined, own), request).detail, own, 'unless the refusal knows better')
  t.equal(refusalEvent(new McpError('FST_OAUTH_MCP_ORIGIN_REFUSED'), request).detail, null)
  t.strictSame(refusalEvent(new McpError('FST_OAUTH_MCP_ORIGIN_REFUSED', { detail: own }), request).detail, own)
  const stranger = { code: 'FST_OAUTH_TOKEN_INVALID', reason: 'of_a_later_version', statusCode: 401 }
  t.equal(refusalEvent(stranger as unknown as OAuthResourceError, request).detail, null, 'another copy of the package may have other reasons')
  t.end()
})

test('two parties that fail for the same reason are both in the log, as they fail for causes of their own', t => {
  const { log, lines } = createWriter()
  const audit = createAudit(defaultAuditSettings, null)
  const failed = (issuer: string, received: string) =>
    audit.record(refusalEvent(new UnavailableError('keys_unavailable', 5, null, { expected: `the keys of ${issuer}`, received }), { ...where, time: 0 }), log)
  failed('https://a.example', 'timeout after 9 ms')
  failed('https://b.example', 'ECONNREFUSED')
  failed('https://a.example', 'timeout after 10 ms')
  t.same(lines.map(([, entry]) => (entry as { audit: { detail: { expected: string } } }).audit.detail.expected), ['the keys of https://a.example', 'the keys of https://b.example'])
  t.end()
})

test('of checks that fail for one reason, the log has one entry in ten seconds, and the counters have all', t => {
  const { log, lines } = createWriter()
  const counters = createCounters()
  const audit = createAudit(defaultAuditSettings, counters)
  const at = (seconds: number, reason: 'keys_unavailable' | 'replay_store_unavailable' = 'keys_unavailable') =>
    audit.record(refusalEvent(new UnavailableError(reason, 5), { ...where, time: seconds * 1000 }), log)
  for (const seconds of [0, 1, 9.9, 5]) at(seconds)
  at(2, 'replay_store_unavailable')
  at(10)
  at(11)
  t.match(lines, [
    ['error', { audit: { reason: 'keys_unavailable', time: 0 } }], ['error', { audit: { reason: 'replay_store_unavailable' } }],
    ['error', { audit: { reason: 'keys_unavailable', time: 10_000 }, leftOut: 3 }]
  ])
  t.equal(lines.length, 3)
  t.notHas(lines[0]![1], { leftOut: 0 })
  at(0)
  t.equal(lines.length, 4, 'a clock that is set back silences nothing')
  audit.record(refused, log)
  audit.record(refused, log)
  t.equal(lines.length, 6, 'refusals are all written')
  t.same(counters.snapshot().unavailable.map(({ count }) => count), [7, 1])
  t.end()
})
