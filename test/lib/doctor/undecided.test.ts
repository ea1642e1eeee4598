import { test } from 'tap'
import type { DoctorReport } from '../../../lib/doctor/report.ts'
import { checkServer } from '../../../lib/doctor/check-server.ts'
import type { Fault } from '../../support/doctor-target.ts'
import { challenges, documentOf, startDoctorTarget } from '../../support/doctor-target.ts'

const says = ({ checks }: DoctorReport, id: string): string => {
  const { outcome, message } = checks.find(check => check.id === id)!
  return `${outcome}: ${message}`
}

const undecided = 'unknown: the server could not decide it now (503); often it requested the keys of the issuer a moment ago, or cannot load them. Repeat in'

test('503 to a token or its forgery is no finding: the server could not decide about it (RFC 9110 15.6.4)', async t => {
  const target = await startDoctorTarget(t)
  const refusing = (retryAfter: string | null): Fault => (answer, { part, credentials, query }) => {
    if (part !== 'api' || (credentials.length === 0 && query === '')) return
    Object.assign(answer, { status: 503, headers: retryAfter === null ? {} : { 'retry-after': retryAfter } })
  }
  target.fault = refusing('5')
  const report = await checkServer(target.resource, { token: target.token() })
  t.same(report.checks.filter(({ outcome }) => outcome === 'fails'), [])
  t.equal(report.ok, true)
  const undecidedIds = report.checks.filter(({ message }) => message === `${undecided} 30 s`.replace('unknown: ', '')).map(({ id }) => id)
  t.same(undecidedIds, [
    'invalid-token-401', 'invalid-token-error', 'invalid-token-pointer', 'scheme-case', 'malformed-credentials', 'repeated-authorization', 'query-token',
    'unsigned-token', 'forged-token', 'token-accepted', 'token-changed'
  ])
  const foreign = target.token({ aud: 'https://other.example' })
  for (const [retryAfter, wait] of [[null, '30'], ['120', '120'], ['Fri, 31 Dec 2027 23:59:59 GMT', '30']] as const) {
    target.fault = refusing(retryAfter)
    const { checks } = await checkServer(target.resource, { token: foreign })
    t.equal(checks.find(({ id }) => id === 'token-audience')!.message, `${undecided} ${wait} s`.replace('unknown: ', ''), String(retryAfter))
  }
})

test('only the changed token gets 503: it is not checked, and a 200 is a failure (F91)', async t => {
  const target = await startDoctorTarget(t)
  const token = target.token()
  const changed = (status: number): Fault => (answer, { credentials: [value = ''] }) => {
    if (value.startsWith('Bearer ey') && value !== `Bearer ${token}`) Object.assign(answer, { status, headers: { 'retry-after': '30' } })
  }
  target.fault = changed(503)
  const undecidedReport = await checkServer(target.resource, { token })
  t.equal(says(undecidedReport, 'token-changed'), `${undecided} 30 s`)
  t.equal(undecidedReport.ok, true)
  target.fault = changed(200)
  t.equal(says(await checkServer(target.resource, { token }), 'token-changed'), 'fails: it got 200')
})

test('a token without the scopes of the route is valid, and not counted as accepted (RFC 6750 3.1)', async t => {
  const target = await startDoctorTarget(t)
  const token = target.token()
  const withToken = (status: number, challenge: string): Fault => (answer, { credentials: [value = ''] }) => {
    if (value === `Bearer ${token}`) Object.assign(answer, { status, headers: { 'www-authenticate': challenge } })
  }
  for (const [status, challenge, message] of [
    [403, 'Bearer error="insufficient_scope", scope="projects:read projects:write"', 'the token is valid, but this route needs projects:read projects:write (403)'],
    [403, 'Bearer error="insufficient_scope"', 'the token is valid, but this route needs scopes that it does not have (403)'],
    [403, challenges(target)[0]!, 'the token was not refused with 401, but this request is forbidden (403)'],
    [500, 'Bearer', 'it got 500, which does not say whether the token is accepted']
  ] as const) {
    target.fault = withToken(status, challenge)
    const report = await checkServer(target.resource, { token })
    t.equal(says(report, 'token-accepted'), `unknown: ${message}`)
    t.equal(report.ok, true)
  }
})

test('an authorization server, a key set or a document that cannot be reached is a failure: no client can get a token', async t => {
  const target = await startDoctorTarget(t)
  target.fault = (answer, { part }) => { if (part === 'document') answer.body = JSON.stringify({ ...documentOf(target), authorization_servers: ['http://localhost:1'] }) }
  const report = await checkServer(target.resource)
  t.match(says(report, 'issuer-metadata'), /^fails: clients cannot get a token: http:\/\/localhost:1\/\.well-known\/oauth-authorization-server was not read: network: .*ECONNREFUSED/)
  t.same(report.checks.filter(({ outcome }) => outcome === 'fails').map(({ id }) => id), ['issuer-metadata'])
  t.equal(report.ok, false)
  target.fault = (answer, { part }) => { if (part === 'api') answer.headers['www-authenticate'] = 'Bearer resource_metadata="http://localhost:1/document"' }
  t.match(says(await checkServer(target.resource), 'document-found'), /^fails: http:\/\/localhost:1\/document was not read: network: .*ECONNREFUSED/)
  target.fault = (answer, { part }) => { if (part === 'document') answer.body = JSON.stringify({ ...documentOf(target), resource: 'http://localhost:1/mcp' }) }
  t.match(says(await checkServer(target.resource), 'document-well-known'), /^fails: http:\/\/localhost:1\/.* was not read: network: .*ECONNREFUSED/)
})
