import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { test } from 'tap'
import type { Answer } from '../../../../lib/client/fetch/classify.ts'
import { classify, classifyChallenge } from '../../../../lib/client/fetch/classify.ts'
import type { ClassifierRow } from './classify-table.ts'
import { classifierTable, lineOf } from './classify-table.ts'

function answerOf ({ status, challenge, nonce, body, text, tokenSent }: ClassifierRow): Answer {
  const headers = new Headers()
  if (challenge !== undefined) headers.set('www-authenticate', challenge)
  if (nonce !== undefined) headers.set('dpop-nonce', nonce)
  return { status, headers, body, text: text ?? (body === undefined ? undefined : JSON.stringify(body)), ...tokenSent !== undefined && { tokenSent } }
}

test('every response of the table has the expected classification [R3 R4 R5 R6 R7 R12 R14 R15 R16 R17 R18 RFSH-02 RFSH-09 RFSH-10]', t => {
  for (const row of classifierTable) {
    t.strictSame(classify(answerOf(row), row.rules), row.verdict, `${row.status} ${row.answer}`)
  }
  t.end()
})

test('RFC 9110 11.6.1: a 401 with challenges of schemes without access tokens alone is no reason to refresh [R2]', t => {
  const kindOf = (challenge: string): string => classify({ status: 401, headers: new Headers({ 'www-authenticate': challenge }) }).kind
  for (const scheme of ['Basic', 'Digest', 'HOBA', 'Mutual', 'Negotiate', 'NTLM', 'SCRAM-SHA-1', 'SCRAM-SHA-256', 'vapid']) {
    t.equal(kindOf(`${scheme} a="b"`), 'refused', scheme)
    t.equal(kindOf(`${scheme} a="b", Bearer`), 'invalid_token', scheme)
  }
  t.end()
})

test('RFC 6750 3.1: a request that is invalid is not repeated with another token, whatever its status', t => {
  for (const error of ['invalid_request', 'invalid_dpop_proof']) {
    t.strictSame(classify({ status: 401, headers: new Headers({ 'www-authenticate': `DPoP error="${error}"` }) }), { kind: 'refused' }, error)
  }
  t.end()
})

test('a body that was not read has no sentences', t => {
  t.strictSame(classify({ status: 500, headers: new Headers() }, { sentences: ['Session ended'] }), { kind: 'refused' })
  t.end()
})

test('RFC 6750 3.1: a challenge counts from status 400 on', t => {
  const headers = new Headers({ 'www-authenticate': 'Bearer error="invalid_token"' })
  t.strictSame([399, 400].map(status => classify({ status, headers }).kind), ['ok', 'invalid_token'])
  t.end()
})

test('a JSON-RPC error counts only as an object, and only in a successful response [R16 R17]', t => {
  const headers = new Headers()
  const error = { code: 'authentication_failed' }
  t.strictSame(classify({ status: 200, headers, body: { jsonrpc: '2.0', error } }), { kind: 'invalid_token' })
  for (const no of [null, 'authentication_failed', undefined]) {
    t.strictSame(classify({ status: 200, headers, body: { jsonrpc: '2.0', error: no, ...error } }), { kind: 'ok' }, String(no))
  }
  for (const status of [199, 300, 302]) t.strictSame(classify({ status, headers, body: { jsonrpc: '2.0', error } }), { kind: 'ok' }, String(status))
  t.end()
})

test('the page has the table', t => {
  const page = readFileSync(new URL('../../../../docs/client.md', import.meta.url), 'utf8')
  const wanted = classifierTable.map(lineOf)
  const [, found = ''] = /<!-- classifier -->\n([^]*?)\n<!-- end -->/.exec(page) ?? []
  t.strictSame(found.split('\n').slice(2), wanted)
  t.end()
})

test('classify never throws, and a successful response counts only with a known code', t => {
  const challenge = fc.oneof(fc.string(), fc.constantFrom('Bearer error="invalid_token"', 'DPoP error="use_dpop_nonce"', 'Bearer error="insufficient_scope"', 'Basic'))
  fc.assert(fc.property(fc.integer({ min: 200, max: 599 }), fc.option(challenge), fc.jsonValue(), fc.boolean(), (status, value, body, tokenSent) => {
    const headers = new Headers()
    try {
      if (value !== null) headers.set('www-authenticate', value)
    } catch {
      return
    }
    const { kind } = classify({ status, headers, body, text: JSON.stringify(body), tokenSent })
    if (status < 400) t.equal(kind, 'ok')
    if (!tokenSent) t.not(kind, 'invalid_token')
    if (status === 403 && kind === 'invalid_token') t.ok(/invalid_token/.test(value ?? ''))
    const byChallenge = classifyChallenge({ status, headers })
    if (byChallenge !== null && tokenSent) t.equal(kind, byChallenge.kind, 'the challenge is the strongest signal')
  }))
  t.end()
})
