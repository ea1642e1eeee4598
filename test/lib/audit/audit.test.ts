import diagnosticsChannel from 'node:diagnostics_channel'
import { test } from 'tap'
import { MissingTokenError, OAuthResourceError, UnavailableError } from '../../../lib/errors/errors.ts'
import type { AuditLevel, AuditWriter } from '../../../lib/audit/audit.ts'
import { channelName, createAudit, defaultAuditSettings, isAudited, markAudited, standaloneAudit } from '../../../lib/audit/audit.ts'
import { createCounting } from '../../../lib/audit/counters.ts'
import type { SecurityEvent } from '../../../lib/audit/events.ts'
import { grantDecisionEvent, refusalEvent, useDecisionEvent } from '../../../lib/audit/events.ts'

const where = { accessToken: null, route: null, time: 0 }
const decision = { impersonation: { staff: 'sam', customer: 'ann' }, reach: null, withoutApproval: [], error: null }
const said = { path: null, client: null }
const refused = refusalEvent(new MissingTokenError(), where)
const unavailable = refusalEvent(new UnavailableError('keys_unavailable', 5), where)
const allowed = grantDecisionEvent({ ...decision, allowed: true, reason: 'approved' }, said, where)
const blocked = grantDecisionEvent({ ...decision, allowed: false, reason: 'not_approved' }, said, where)
const used = useDecisionEvent({ ...decision, allowed: true, reason: 'approved' }, null, where)
const notUsed = useDecisionEvent({ ...decision, allowed: false, reason: 'not_approved' }, new OAuthResourceError('FST_OAUTH_ACCESS_DENIED', { reason: 'not_approved' }), where)

type Line = [level: string, entry: object, message: string]

function createWriter (): { log: AuditWriter, lines: Line[] } {
  const lines: Line[] = []
  const levels = ['trace', 'debug', 'info', 'warn', 'error'] as const
  const log = Object.fromEntries(levels.map(level => [level, (entry: object, message: string) => { lines.push([level, entry, message]) }]))
  return { log: log as unknown as AuditWriter, lines }
}

const rows: ReadonlyArray<readonly [AuditLevel, SecurityEvent, string | null, string]> = [
  [defaultAuditSettings.level, refused, 'info', 'request refused'],
  ['debug', refused, 'debug', 'request refused'],
  ['warn', unavailable, 'warn', 'request could not be judged'],
  ['info', allowed, 'info', 'grant by an impersonator allowed'],
  ['debug', blocked, 'warn', 'grant by an impersonator refused'],
  ['info', used, 'info', 'use of an impersonated token allowed'],
  ['info', notUsed, 'warn', 'use of an impersonated token refused'],
  ['silent', refused, null, ''],
  ['silent', blocked, null, '']
]
for (const [level, event, written, message] of rows) {
  test(`F63 level ${level}: ${event.kind} ${event.reason} is written as ${String(written)}`, t => {
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

test('F63 F81 every event is counted, and published when somebody listens', t => {
  const { log } = createWriter()
  const counting = createCounting()
  const audit = createAudit({ level: 'silent' }, counting)
  const heard: unknown[] = []
  const listener = (event: unknown): void => { heard.push(event) }

  audit.record(refused, log)
  diagnosticsChannel.subscribe(channelName, listener)
  t.teardown(() => diagnosticsChannel.unsubscribe(channelName, listener))
  audit.record(blocked, log)

  t.strictSame(heard, [blocked])
  t.equal(heard[0], blocked)
  t.equal(counting.snapshot().refused[0]!.count, 1)
  t.equal(counting.snapshot().grants[0]!.count, 1)
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
