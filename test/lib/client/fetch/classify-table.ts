import type { ClassifierSettings, Classification } from '../../../../lib/client/fetch/classify.ts'

/** One answer and what it says about the token. The page of the documentation has the same rows. */
export interface ClassifierRow {
  /** What is special about it, for people. */
  readonly answer: string
  readonly status: number
  readonly challenge?: string
  readonly nonce?: string
  readonly body?: unknown
  /** Where it is no JSON, or was not read. */
  readonly text?: string
  readonly tokenSent?: boolean
  readonly rules?: ClassifierSettings
  readonly verdict: Classification
}

const sentences = { sentences: ['Your token is not valid any more'] }
const rpc = (error: unknown): unknown => ({ jsonrpc: '2.0', id: 1, error })

export const classifierTable: readonly ClassifierRow[] = [
  { answer: 'a good answer', status: 200, verdict: { kind: 'ok' } },
  { answer: 'R12 a redirect that is not followed', status: 302, verdict: { kind: 'ok' } },
  { answer: 'a challenge beside a good answer', status: 200, challenge: 'Bearer error="invalid_token"', verdict: { kind: 'ok' } },

  { answer: 'R14 `invalid_token`, the body is no JSON', status: 401, challenge: 'Bearer error="invalid_token"', text: '<h1>no', verdict: { kind: 'invalid_token' } },
  { answer: '`invalid_token` of a DPoP challenge', status: 401, challenge: 'DPoP error="invalid_token", algs="ES256"', verdict: { kind: 'invalid_token' } },
  { answer: '`invalid_token` with the wrong status', status: 403, challenge: 'bearer error=invalid_token', verdict: { kind: 'invalid_token' } },
  { answer: 'a challenge is stronger than a `code`', status: 401, challenge: 'Bearer error="invalid_token"', body: { code: 'permission_denied' }, verdict: { kind: 'invalid_token' } },
  {
    answer: 'R15 `insufficient_scope`',
    status: 403,
    challenge: 'Bearer error="insufficient_scope", scope="files:read files:write"',
    verdict: { kind: 'insufficient_scope', scopes: ['files:read', 'files:write'] }
  },
  { answer: '`insufficient_scope` that names none', status: 403, challenge: 'Bearer error="insufficient_scope"', verdict: { kind: 'insufficient_scope', scopes: null } },
  {
    answer: '`insufficient_scope` with status 401 and a `code`',
    status: 401,
    challenge: 'Bearer scope="a a b", error="insufficient_scope"',
    body: { code: 'authentication_failed' },
    verdict: { kind: 'insufficient_scope', scopes: ['a', 'b'] }
  },
  {
    answer: 'RFSH-10 `insufficient_user_authentication`',
    status: 401,
    challenge: 'Bearer error="insufficient_user_authentication", acr_values="mfa phr", max_age="300"',
    verdict: { kind: 'step_up', acrValues: ['mfa', 'phr'], maxAgeSeconds: 300, scopes: null }
  },
  {
    answer: 'one with scopes, and a `max_age` that is no number',
    status: 401,
    challenge: 'Bearer error="insufficient_user_authentication", max_age="soon", scope="pay"',
    verdict: { kind: 'step_up', acrValues: [], maxAgeSeconds: null, scopes: ['pay'] }
  },
  { answer: '`use_dpop_nonce` with a nonce', status: 401, challenge: 'DPoP error="use_dpop_nonce"', nonce: 'n1', verdict: { kind: 'use_dpop_nonce', nonce: 'n1' } },
  {
    answer: '`use_dpop_nonce` beside a Bearer challenge',
    status: 401,
    challenge: 'Bearer error="invalid_token", DPoP error="use_dpop_nonce"',
    nonce: 'n1',
    verdict: { kind: 'use_dpop_nonce', nonce: 'n1' }
  },
  { answer: '`use_dpop_nonce` without a nonce', status: 401, challenge: 'DPoP error="use_dpop_nonce"', verdict: { kind: 'refused' } },
  { answer: '`invalid_dpop_proof`', status: 401, challenge: 'DPoP error="invalid_dpop_proof"', verdict: { kind: 'refused' } },
  { answer: '`invalid_request`', status: 400, challenge: 'Bearer error="invalid_request"', verdict: { kind: 'refused' } },
  { answer: 'an error that nobody knows', status: 401, challenge: 'Bearer error="on_holiday"', verdict: { kind: 'invalid_token' } },
  { answer: 'an error that nobody knows', status: 403, challenge: 'Bearer error="on_holiday"', verdict: { kind: 'refused' } },

  { answer: 'R3 the `code` that says so', status: 403, body: { type: 'error', code: 'authentication_failed' }, verdict: { kind: 'invalid_token' } },
  { answer: 'the same inside `error`', status: 400, body: { error: { code: 'authentication_failed' } }, verdict: { kind: 'invalid_token' } },
  { answer: 'the same beside a challenge for other credentials', status: 401, challenge: 'Basic realm="x"', body: { code: 'authentication_failed' }, verdict: { kind: 'invalid_token' } },
  { answer: 'R4 a 403 without it', status: 403, body: { code: 'forbidden' }, verdict: { kind: 'refused' } },
  { answer: 'R5 a `type` alone, and the `code` that says no', status: 403, body: { type: 'authentication_error', code: 'permission_denied' }, verdict: { kind: 'refused' } },
  { answer: '`permission_denied` with status 401', status: 401, body: { code: 'permission_denied' }, verdict: { kind: 'refused' } },
  { answer: 'a `type` alone', status: 403, body: { type: 'authentication_failed' }, verdict: { kind: 'refused' } },
  { answer: 'R6 a sentence', status: 403, body: { message: 'authentication_failed: your token is invalid' }, text: 'authentication_failed', verdict: { kind: 'refused' } },
  { answer: 'a `code` deeper inside', status: 403, body: { errors: [{ code: 'authentication_failed' }] }, verdict: { kind: 'refused' } },
  { answer: 'a `code` of your own', status: 403, body: { code: 'TOKEN_GONE' }, rules: { invalidTokenCodes: ['TOKEN_GONE'] }, verdict: { kind: 'invalid_token' } },
  { answer: 'and the one it replaces', status: 403, body: { code: 'authentication_failed' }, rules: { invalidTokenCodes: ['TOKEN_GONE'] }, verdict: { kind: 'refused' } },
  { answer: 'a `code` of your own that says no', status: 401, body: { code: 7 }, rules: { refusalCodes: [7] }, verdict: { kind: 'refused' } },

  { answer: 'R18 a sentence of your own', status: 403, text: 'Sorry. Your token is not valid any more!', rules: sentences, verdict: { kind: 'invalid_token' } },
  { answer: 'R18 the same in a failure of the server', status: 500, text: 'Your token is not valid any more', rules: sentences, verdict: { kind: 'invalid_token' } },
  { answer: 'R18 the same in a good answer', status: 200, text: 'Your token is not valid any more', rules: sentences, verdict: { kind: 'ok' } },
  { answer: 'a sentence is weaker than a `code`', status: 403, body: { code: 'permission_denied' }, text: 'Your token is not valid any more', rules: sentences, verdict: { kind: 'refused' } },

  { answer: 'R2 a bare 401', status: 401, verdict: { kind: 'invalid_token' } },
  { answer: 'a challenge without an error', status: 401, challenge: 'Bearer realm="api"', verdict: { kind: 'invalid_token' } },
  { answer: 'a challenge that cannot be read', status: 401, challenge: 'Bearer error="', verdict: { kind: 'invalid_token' } },
  { answer: 'a challenge that cannot be read', status: 403, challenge: 'Bearer error="invalid_token', verdict: { kind: 'refused' } },
  { answer: 'a challenge for other credentials alone', status: 401, challenge: 'Basic realm="x", Negotiate', verdict: { kind: 'refused' } },
  { answer: 'one for ours, too', status: 401, challenge: 'Basic realm="x", Bearer', verdict: { kind: 'invalid_token' } },
  { answer: 'a scheme that nobody knows', status: 401, challenge: 'Session', verdict: { kind: 'invalid_token' } },
  { answer: 'R4 a bare 403', status: 403, verdict: { kind: 'refused' } },
  { answer: 'a 403 with a scope and no error', status: 403, challenge: 'Bearer scope="a"', verdict: { kind: 'refused' } },
  { answer: 'R7 a bare 400', status: 400, verdict: { kind: 'refused' } },
  { answer: 'R7 a bare 404', status: 404, verdict: { kind: 'refused' } },
  { answer: 'R7 a bare 422', status: 422, verdict: { kind: 'refused' } },
  { answer: 'a proxy that asks for credentials', status: 407, verdict: { kind: 'refused' } },
  { answer: 'a failure of the server', status: 503, verdict: { kind: 'refused' } },

  { answer: 'R16 a JSON-RPC error with the `code`', status: 200, body: rpc({ code: 'authentication_failed', message: '' }), verdict: { kind: 'invalid_token' } },
  { answer: 'R16 the same in its `data`', status: 200, body: rpc({ code: -32000, message: '', data: { code: 'authentication_failed' } }), verdict: { kind: 'invalid_token' } },
  { answer: 'R16 a number of your own', status: 200, body: rpc({ code: -32001, message: '' }), rules: { invalidTokenCodes: [-32001] }, verdict: { kind: 'invalid_token' } },
  { answer: 'R17 a JSON-RPC error that has it in its words', status: 200, body: rpc({ code: -32000, message: 'authentication_failed' }), verdict: { kind: 'ok' } },
  {
    answer: 'R17 a JSON-RPC result that says so',
    status: 200,
    body: { jsonrpc: '2.0', id: 1, result: { isError: true, code: 'authentication_failed', content: [{ type: 'text', text: 'authentication_failed' }] } },
    verdict: { kind: 'ok' }
  },
  { answer: 'a result beside an error', status: 200, body: { jsonrpc: '2.0', result: {}, error: { code: 'authentication_failed' } }, verdict: { kind: 'ok' } },
  { answer: 'the same words, and no JSON-RPC', status: 200, body: { error: { code: 'authentication_failed' } }, verdict: { kind: 'ok' } },
  { answer: 'a batch of such errors alone', status: 200, body: [rpc({ code: 'authentication_failed' }), rpc({ code: 'authentication_failed' })], verdict: { kind: 'invalid_token' } },
  { answer: 'a batch of which a part was carried out', status: 200, body: [rpc({ code: 'authentication_failed' }), { jsonrpc: '2.0', id: 2, result: {} }], verdict: { kind: 'ok' } },
  { answer: 'a batch of nothing', status: 200, body: [], verdict: { kind: 'ok' } },

  { answer: 'RFSH-09 a 401 to a request without a token', status: 401, challenge: 'Bearer scope="a b"', tokenSent: false, verdict: { kind: 'authorization_needed', scopes: ['a', 'b'] } },
  { answer: 'a bare 401 to one', status: 401, tokenSent: false, verdict: { kind: 'authorization_needed', scopes: null } },
  { answer: 'a 401 to one, for other credentials', status: 401, challenge: 'Basic', tokenSent: false, verdict: { kind: 'refused' } }
]

/** A row as the page has it. */
export function lineOf ({ answer, status, challenge, nonce, body, text, tokenSent, rules, verdict: { kind, ...rest } }: ClassifierRow): string {
  const code = (value: unknown): string => `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``
  const parts = [
    ...challenge === undefined ? [] : [code(`WWW-Authenticate: ${challenge}`)],
    ...nonce === undefined ? [] : [code(`DPoP-Nonce: ${nonce}`)],
    ...body === undefined ? [] : [code(body)],
    ...body !== undefined || text === undefined ? [] : [code(text)],
    ...tokenSent === false ? ['no token was sent'] : [],
    ...rules === undefined ? [] : [`with ${code(rules)}`]
  ]
  const details = Object.entries(rest).filter(([, value]) => value !== null).map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
  // The numbers of cases are for those who read the tests.
  const cells = [answer.replace(/^(?:(?:R|RFSH-)\d+ )+/, ''), String(status), parts.join(', '), [`\`${kind}\``, ...details.map(code)].join(' ')]
  return `| ${cells.join(' | ')} |`
}
