import { test } from 'tap'
import { isPreflight } from '../../../lib/http/preflight.ts'

test('a preflight is OPTIONS with an origin and the method it asks for', async t => {
  const both = { origin: 'https://app.example', 'access-control-request-method': 'GET' }
  const cases: Array<[string, Record<string, string>, boolean]> = [
    ['OPTIONS', both, true],
    ['OPTIONS', { ...both, origin: '' }, true],
    ['GET', both, false],
    ['options', both, false],
    ['OPTIONS', {}, false],
    ['OPTIONS', { origin: 'https://app.example' }, false],
    ['OPTIONS', { 'access-control-request-method': 'GET' }, false],
    ['OPTIONS', { origin: 'https://app.example', 'access-control-request-headers': 'authorization' }, false]
  ]
  for (const [method, headers, expected] of cases) t.equal(isPreflight(method, headers), expected, `${method} ${JSON.stringify(headers)}`)
})
