import { test } from 'tap'
import { checkServer } from '../../../lib/doctor/check-server.ts'
import { printReport } from '../../../lib/doctor/command/print-report.ts'
import { styleFor } from '../../../lib/doctor/command/style.ts'
import type { DoctorReport } from '../../../lib/doctor/report.ts'
import { documentOf, startDoctorTarget } from '../../support/doctor-target.ts'

const print = (report: DoctorReport, isVerbose = false): string => printReport(report, { style: styleFor(false, {}), width: 200, isVerbose })
const linesOf = (text: string, start: string): string[] => text.split('\n').filter(line => line.startsWith(start))

test('checks that could not be made for the same reason are one line with their number', async t => {
  const report = await checkServer('http://localhost:1/projects')
  const text = print(report)
  t.match(linesOf(text, '? '), [/^\? \d\d checks could not be made: network: .*ECONNREFUSED/])
  t.match(text, /ECONNREFUSED[^\n]*\n {4}Request without a token, Metadata document, .*\(--verbose lists them\)\n/)
  t.ok(text.split('\n').length < 30, `${text.split('\n').length} lines`)
  t.ok(report.checks.length > 50, 'the report itself has each check')
  t.ok(print(report, true).includes('    ? HEAD is protected as GET is: network'))
})

test('404 is a URL without a route, and not one without protection', async t => {
  const target = await startDoctorTarget(t)
  target.fault = (answer, { part }) => { if (part === 'api') Object.assign(answer, { status: 404, headers: {} }) }
  const report = await checkServer(target.resource)
  t.same(report.checks.filter(({ outcome }) => outcome === 'fails').map(({ id, message, fix }) => ({ id, message, fix })), [{
    id: 'no-token-401',
    message: 'it got 404: there is no such route',
    fix: 'Check the path of the URL: the server has no such route. A prefix of the app, or of a proxy before it, is part of the path.'
  }])
  const text = print(report)
  t.match(text, /\n\? \d\d checks could not be made: the request without a token was not answered with 401\n/)
  t.ok(text.split('\n').length < 35, `${text.split('\n').length} lines`)
})

test('each group has the mark of its worst check', async t => {
  const target = await startDoctorTarget(t)
  target.fault = (answer, { part, credentials }) => {
    if (part === 'document') {
      answer.body = JSON.stringify({ ...documentOf(target), authorization_servers: ['https://10.1.2.3/'] })
      delete answer.headers['cache-control']
    }
    if (credentials[0] === 'Bearer') answer.status = 500
  }
  const groups = print(await checkServer(target.resource, { mcp: false })).split('\n').filter(line => / \d+ of \d+$| the URL is not an MCP/.test(line))
  t.same(groups.map(line => line.replace(/ {3}.*/, '')), [
    '✓ Server', '✓ Request without a token', '! Metadata document', '? Authorization server', '✗ Invalid tokens', '✓ Addresses and paths', '✓ Browsers',
    '✓ DPoP', '– MCP'
  ])
})
