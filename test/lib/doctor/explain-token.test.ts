import { deflateSync } from 'node:zlib'
import fc from 'fast-check'
import { test } from 'tap'
import type { OAuthResourceServerOptions } from '../../../lib/config/options.ts'
import { resolveConfig } from '../../../lib/config/resolve.ts'
import { InvalidTokenError } from '../../../lib/errors/errors.ts'
import { reasonTable } from '../../../lib/errors/reason-table.ts'
import type { Reason } from '../../../lib/errors/reasons.ts'
import { adviceTable, adviseOn } from '../../../lib/doctor/explain/advice.ts'
import { explainToken } from '../../../lib/doctor/explain/explain-token.ts'
import { presetOf } from '../../../lib/config/products.ts'
import { joinChanges, lineOf, withChange } from '../../../lib/doctor/explain/settings.ts'
import { createResource } from '../../../lib/resource/create-resource.ts'
import { createTestClient } from '../../../lib/testing/test-client.ts'
import type { TestIssuer } from '../../../lib/testing/test-issuer.ts'
import type { TestTokenOptions } from '../../../lib/testing/test-issuer-options.ts'
import { createTestIssuer } from '../../../lib/testing/test-issuer.ts'
import { encode } from '../../../lib/testing/signing-key.ts'

type Options = OAuthResourceServerOptions<never>
type IssuerSettings = Exclude<Options['authorizationServers'][number], string>

const resource = 'https://api.example.com'
const now = Math.floor(Date.now() / 1000)

function optionsOf (issuer: TestIssuer, settings: Partial<IssuerSettings> = {}, options: Partial<Options> = {}): Options {
  return { ...issuer.options, authorizationServers: [{ issuer: issuer.issuer, ...settings }], ...options }
}

interface Row {
  readonly reason: Reason
  readonly is: string
  /** The issuer, where it is not the usual one. */
  readonly issuer?: string
  readonly settings?: Partial<IssuerSettings>
  readonly options?: Partial<Options>
  readonly token: (issuer: TestIssuer) => string
  /** The lines of configuration, in the order of the refusals; `null` for a refusal without one. */
  readonly lines: ReadonlyArray<string | null>
  /** Whether the token is accepted with these lines. */
  readonly accepted?: boolean
}

const entry = (members: string, issuer = 'https://issuer.test'): string => `authorizationServers: [{ issuer: '${issuer}'${members === '' ? '' : `, ${members}`} }]`
const good = (options: TestTokenOptions = {}) => (issuer: TestIssuer): string => issuer.token(options)
const jwt: TestTokenOptions = { header: { typ: 'JWT' } }
const thumbprint = 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs'
const placeholder = "introspection: { clientId: '<client id>', authentication: { method: 'client_secret_basic', clientSecret: '<secret>' } }"

/** A token whose status list says that it is suspended. */
function suspended (issuer: TestIssuer): string {
  const uri = 'https://issuer.test/introspect'
  const list = issuer.token({ header: { typ: 'statuslist+jwt' }, claims: { sub: uri, status_list: { bits: 2, lst: deflateSync(Buffer.of(2)).toString('base64url') } } })
  issuer.respond('introspection', () => new Response(list, { headers: { 'content-type': 'application/statuslist+jwt' } }))
  return issuer.token({ claims: { status: { status_list: { idx: 0, uri } } } })
}

const rows: readonly Row[] = [
  { reason: 'token_malformed', is: 'an opaque token', token: () => 'opaque-token', lines: [entry(placeholder)] },
  { reason: 'token_malformed', is: 'a claim twice', token: issuer => issuer.brokenToken('repeated_claim'), lines: [null] },
  { reason: 'token_encrypted', is: 'an encrypted token', token: issuer => issuer.brokenToken('encrypted'), lines: [null] },
  { reason: 'token_too_long', is: 'a long token', token: good({ claims: { groups: 'x'.repeat(20_000) } }), lines: ['maxTokenLength: 27648'], accepted: true },
  {
    reason: 'token_too_long',
    is: 'a long opaque token',
    settings: { introspection: { clientId: 'api', authentication: { method: 'client_secret_basic', clientSecret: 'secret' } } },
    token: () => 'x'.repeat(5000),
    lines: [null]
  },
  { reason: 'token_not_yet_valid', is: 'a token a minute too early', token: good({ claims: { nbf: now + 60 } }), lines: [entry('clockToleranceSeconds: ')], accepted: true },
  { reason: 'token_not_yet_valid', is: 'a token an hour too early', token: issuer => issuer.brokenToken('not_yet_valid'), lines: [null] },
  { reason: 'token_expired', is: 'a token that expired a minute ago', token: good({ claims: { exp: now - 60 } }), lines: [entry('clockToleranceSeconds: ')], accepted: true },
  { reason: 'token_expired', is: 'a token that expired an hour ago', token: issuer => issuer.brokenToken('expired'), lines: [null] },
  {
    reason: 'token_inactive',
    is: 'a token that introspection does not know',
    settings: { introspection: { clientId: 'api', authentication: { method: 'client_secret_basic', clientSecret: 'secret' } } },
    token: () => 'unknown',
    lines: [null]
  },
  { reason: 'token_revoked', is: 'a revoked token', options: { revocations: { isRevoked: async () => true } as never }, token: good(), lines: [null] },
  { reason: 'token_suspended', is: 'a suspended token', settings: { statusList: true }, token: suspended, lines: [null] },
  { reason: 'status_unreadable', is: 'a status that is malformed', settings: { statusList: true }, token: good({ claims: { status: { status_list: {} } } }), lines: [null] },
  {
    reason: 'status_list_unavailable',
    is: 'a status list that is not there',
    settings: { statusList: true },
    token: good({ claims: { status: { status_list: { idx: 0, uri: 'https://issuer.test/lists/1' } } } }),
    lines: [null]
  },
  { reason: 'token_rule_broken', is: 'a token that breaks a rule', settings: { tokenRules: [{ name: 'staff', check: () => false }] }, token: good(), lines: ['tokenRules: [{ name, check, reportOnly: true }]'] },
  { reason: 'token_rule_unavailable', is: 'a rule that fails', settings: { tokenRules: [{ name: 'staff', check: () => { throw new Error('down') } }] }, token: good(), lines: ['tokenRules: [{ name, check, reportOnly: true }]'] },
  { reason: 'issuer_unknown', is: 'another issuer', token: issuer => issuer.brokenToken('wrong_issuer'), lines: [entry('', 'https://another-issuer.example'), entry("jwksUri: '<URL of its keys>'", 'https://another-issuer.example')] },
  { reason: 'issuer_unknown', is: 'the issuer with a slash', token: good({ claims: { iss: 'https://issuer.test/' } }), lines: [entry('', 'https://issuer.test/'), entry("jwksUri: '<URL of its keys>'", 'https://issuer.test/')] },
  {
    reason: 'issuer_unknown',
    is: 'a product',
    token: good({ ...jwt, claims: { iss: 'https://tenant.auth0.com/' } }),
    lines: [entry("preset: 'auth0'", 'https://tenant.auth0.com/'), entry("algorithms: ['RS256', 'PS256', 'ES256']", 'https://tenant.auth0.com/'), entry("jwksUri: '<URL of its keys>'", 'https://tenant.auth0.com/')]
  },
  { reason: 'issuer_unknown', is: 'no issuer', token: good({ claims: { iss: undefined } }), lines: [null] },
  { reason: 'algorithm_refused', is: 'an algorithm that is not listed', settings: { algorithms: ['RS256'] }, token: good(), lines: [entry("algorithms: ['RS256', 'ES256']")], accepted: true },
  { reason: 'algorithm_refused', is: 'a symmetric algorithm', token: issuer => issuer.brokenToken('symmetric'), lines: [null] },
  { reason: 'token_malformed', is: 'alg none', token: issuer => issuer.brokenToken('alg_none'), lines: [null] },
  { reason: 'key_id_refused', is: 'a kid that is no string', token: good({ header: { kid: 1 } }), lines: [null] },
  { reason: 'critical_header_refused', is: 'a critical extension', token: issuer => issuer.brokenToken('critical_header'), lines: [null] },
  { reason: 'type_refused', is: 'typ JWT', token: good(jwt), lines: [entry("profile: 'jwt'")], accepted: true },
  { reason: 'type_refused', is: 'no typ', token: good({ header: { typ: undefined } }), lines: [entry("profile: 'jwt'")], accepted: true },
  { reason: 'type_refused', is: 'another typ', token: issuer => issuer.brokenToken('other_type'), lines: [null] },
  { reason: 'type_refused', is: 'an ID token', token: issuer => issuer.brokenToken('id_token'), lines: [entry("profile: 'jwt'"), entry("audience: 'client-1'"), null] },
  { reason: 'type_refused', is: 'a claim that access tokens have', settings: { requiredClaims: { token_use: 'access' } }, token: good(), lines: [null] },
  {
    reason: 'type_refused',
    is: 'a token of Keycloak',
    issuer: 'https://sso.example.com/realms/main',
    token: good({ ...jwt, claims: { typ: 'Bearer', aud: ['account', 'my-api'], client_id: undefined, azp: 'client-1' } }),
    lines: [entry("preset: 'keycloak'", 'https://sso.example.com/realms/main'), entry("audience: 'my-api'", 'https://sso.example.com/realms/main')],
    accepted: true
  },
  {
    reason: 'type_refused',
    is: 'a token of Keycloak without an audience mapper, whose audience every token of the realm has',
    issuer: 'https://sso.example.com/realms/main',
    token: good({ ...jwt, claims: { typ: 'Bearer', aud: 'account', client_id: undefined, azp: 'client-1' } }),
    lines: [entry("preset: 'keycloak'", 'https://sso.example.com/realms/main'), null]
  },
  { reason: 'audience_missing', is: 'no audience', token: issuer => issuer.brokenToken('no_audience'), lines: [entry('allowMissingAudience: true')], accepted: true },
  {
    reason: 'audience_missing',
    is: 'a token of a product that has no audience',
    issuer: 'https://cognito-idp.eu-west-1.amazonaws.com/pool',
    token: good({ claims: { aud: undefined, token_use: 'access' } }),
    lines: [
      entry("preset: 'cognito'", 'https://cognito-idp.eu-west-1.amazonaws.com/pool'), entry("algorithms: ['RS256', 'ES256']", 'https://cognito-idp.eu-west-1.amazonaws.com/pool'),
      entry("audience: 'client-1'", 'https://cognito-idp.eu-west-1.amazonaws.com/pool')
    ],
    accepted: true
  },
  { reason: 'audience_foreign', is: 'another audience', token: issuer => issuer.brokenToken('wrong_audience'), lines: [entry("audience: 'https://another-api.example'")], accepted: true },
  { reason: 'audience_foreign', is: 'a further audience', settings: { rejectForeignAudiences: true }, token: good({ claims: { aud: [resource, 'https://other.example'] } }), lines: [entry('rejectForeignAudiences: false')], accepted: true },
  { reason: 'claim_missing', is: 'no client_id', token: good({ claims: { client_id: undefined, azp: 'client-1' } }), lines: [entry("profile: 'jwt'")], accepted: true },
  { reason: 'claim_missing', is: 'no exp', token: issuer => issuer.brokenToken('no_expiry'), lines: [null] },
  { reason: 'claim_malformed', is: 'nbf as text', token: good({ claims: { nbf: 'now' } }), lines: [null] },
  { reason: 'actor_malformed', is: 'act as text', token: good({ claims: { act: 'sam' } }), lines: [null] },
  { reason: 'confirmation_unsupported', is: 'a cnf that is not known', token: good({ claims: { cnf: { kid: 'key' } } }), lines: [null] },
  { reason: 'proof_missing', is: 'a token bound to a key', token: issuer => issuer.brokenToken('bound_to_a_key'), lines: ["dpop: 'allowed'"], accepted: true },
  { reason: 'proof_missing', is: 'a token bound to a certificate', token: issuer => issuer.brokenToken('bound_to_a_certificate'), lines: ["clientCertificates: { source: 'tls' }"], accepted: true },
  { reason: 'token_unbound', is: 'a bearer token', options: { dpop: 'required' }, token: good(), lines: ["dpop: 'allowed'"], accepted: true },
  {
    reason: 'token_unbound',
    is: 'a token that is bound to no certificate',
    options: { clientCertificates: { source: 'tls', required: true } },
    token: good(),
    lines: ['clientCertificates: { required: false }']
  },
  { reason: 'key_unknown', is: 'a key that is not published', token: issuer => issuer.brokenToken('unknown_key'), lines: [null] },
  { reason: 'signature_invalid', is: 'a foreign signature', token: issuer => issuer.brokenToken('foreign_key'), lines: [null] },
  {
    reason: 'key_ambiguous',
    is: 'five keys and no kid',
    settings: { jwks: { keys: Array.from({ length: 5 }, (_, index) => ({ kty: 'EC', crv: 'P-256', kid: `key-${index}`, x: encode(`x${index}`), y: encode(`y${index}`) })) } },
    token: good({ header: { kid: undefined } }),
    lines: [null]
  },
  { reason: 'key_unusable', is: 'a key that is none', settings: { jwks: { keys: [{ kty: 'EC', crv: 'P-256', kid: 'key-1', x: 'AA', y: 'AA' }] } }, token: good(), lines: [null] },
  { reason: 'keys_unavailable', is: 'an issuer that is down', token: issuer => { const token = issuer.token(); issuer.setOutage(true); return token }, lines: [entry("jwksUri: '<URL of its keys>'")] },
  {
    reason: 'introspection_unavailable',
    is: 'an introspection endpoint that is down',
    settings: { introspection: { clientId: 'api', authentication: { method: 'client_secret_basic', clientSecret: 'secret' } } },
    token: issuer => { issuer.setOutage(true); return 'opaque' },
    lines: [null]
  },
  { reason: 'revocations_unavailable', is: 'a store that fails', options: { revocations: { isRevoked: async () => { throw new Error('down') } } as never }, token: good(), lines: [null] },
  { reason: 'issuer_unresolvable', is: 'a look-up of issuers that fails', options: { resolveIssuer: () => { throw new Error('down') } }, token: good({ claims: { iss: 'https://tenant.example' } }), lines: [null] },
  { reason: 'custom_tokens_unavailable', is: 'a verifier of custom tokens that fails', options: { customTokens: [{ prefix: 'pat_', verify: () => { throw new Error('down') } }] }, token: () => 'pat_1', lines: [null] }
]

/** They need a proof, a certificate, a session or a verifier of the host: not what a token alone has. */
const ofARequest: readonly Reason[] = ['certificate_foreign', 'impersonation_over', 'token_unverified']

test('explain names the check and the line of configuration for each refusal reason of a token (F91)', async t => {
  for (const { reason, is, issuer: identifier = 'https://issuer.test', settings, options, token, lines, accepted = false } of rows) {
    const issuer = createTestIssuer({ resource, issuer: identifier })
    const given = token(issuer)
    const { outcome, refusals, acceptedWith, accessToken } = await explainToken(given, { options: optionsOf(issuer, settings, options) })
    t.equal(refusals[0]?.reason, reason, is)
    t.equal(outcome, reasonTable[reason].code === 'FST_OAUTH_UNAVAILABLE' ? 'unknown' : 'refused', `${is}: the outcome`)
    t.same(refusals.map(({ line }) => line?.replace(/(clockToleranceSeconds: )\d+ /, '$1 ') ?? null), lines.map(line => line?.replace(': }', ':  }') ?? null), `${is}: the lines`)
    t.equal(acceptedWith !== null, accepted, `${is}: accepted with these lines`)
    t.equal(accessToken, null)
    t.ok(refusals.every(({ when, meaning }) => when !== '' && meaning !== ''), `${is}: it is explained`)
    if (given.length > 20) t.notOk(JSON.stringify(refusals).includes(given.slice(-20)), `${is}: the token is not repeated`)
  }
  const covered = new Set([...rows.map(({ reason }) => reason), ...ofARequest])
  t.same(Object.keys(adviceTable).filter(reason => !covered.has(reason as Reason)), [], 'no reason is left out')
})

test('each reason has advice, whatever the token is', t => {
  const { config } = resolveConfig(optionsOf(createTestIssuer({ resource })))
  for (const reason of Object.keys(reasonTable) as Reason[]) {
    for (const jwt of [{ header: {}, claims: {} }, { header: { typ: 1, alg: 'X' }, claims: { iss: 'https://elsewhere.example', aud: [] } }]) {
      const { when, change } = adviseOn({ reason, detail: null, length: 10, isJwtLike: false, jwt, config, now })
      t.ok(when !== '' && (change === null || lineOf(change) !== ''), reason)
    }
  }
  t.end()
})

test('a good token is accepted, and what it says is shown', async t => {
  const issuer = createTestIssuer({ resource })
  const token = issuer.token({ subject: 'ann', scopes: ['read', 'write'] })
  const { accessToken, ...explanation } = await explainToken(token, { options: optionsOf(issuer) })
  t.same(explanation, { version: 1, outcome: 'accepted', resource, alsoNeeded: null, refusals: [], acceptedWith: null })
  t.match(accessToken, { issuer: issuer.issuer, subject: 'ann', clientId: 'client-1', audience: [resource], scopes: ['read', 'write'] })
})

test('a bound token is accepted with the proof that each request needs', async t => {
  const issuer = createTestIssuer({ resource })
  const bound = issuer.token({ boundTo: createTestClient() })
  const { outcome, alsoNeeded, accessToken } = await explainToken(bound, { options: optionsOf(issuer, {}, { dpop: 'allowed' }) })
  t.match({ outcome, alsoNeeded }, { outcome: 'accepted', alsoNeeded: /DPoP/ })
  t.equal(accessToken?.subject, 'user-1')
  const certified = issuer.token({ claims: { cnf: { 'x5t#S256': thumbprint } } })
  t.match(await explainToken(certified, { options: optionsOf(issuer, {}, { clientCertificates: { source: 'tls' } }) }), { outcome: 'accepted', alsoNeeded: /certificate/ })
  const resolved = { ...optionsOf(issuer), authorizationServers: ['https://other.example'], resolveIssuer: () => ({ issuer: issuer.issuer }), dpop: 'allowed' } as unknown as Options
  t.match(await explainToken(bound, { options: resolved }), { outcome: 'accepted', accessToken: null })
})

test('an opaque token that is bound is accepted with its proof, where the server takes it', async t => {
  const issuer = createTestIssuer({ resource })
  const token = issuer.opaqueToken({ boundTo: createTestClient() })
  const options = { ...issuer.introspectionOptions, dpop: 'allowed' } as Options
  t.match(await explainToken(token, { options }), { outcome: 'accepted', accessToken: null, alsoNeeded: /DPoP/ })
  t.match(await explainToken(token, { options: issuer.introspectionOptions }), { outcome: 'refused', refusals: [{ reason: 'proof_missing', line: "dpop: 'allowed'" }] })
})

test('a refusal of a verifier of the host may have no detail', async t => {
  const { config, ...others } = createResource(resolveConfig(optionsOf(createTestIssuer({ resource }))).config, { debug () {}, warn () {} })
  const refusedBy = async (error: Error): Promise<object> => (await explainToken('token', { resource: { ...others, config, verifier: { verify () { throw error } } } })).refusals[0]!
  t.match(await refusedBy(new InvalidTokenError('token_unverified')), { expected: null, received: null, line: null })
  t.match(await refusedBy(new InvalidTokenError('token_unverified', new Error('the cause'))), { received: '"the cause"' })
})

test('the condition of a preset is a sentence about the issuer', async t => {
  const issuer = createTestIssuer({ resource, issuer: 'https://sso.example.com/realms/main' })
  const { refusals: [first] } = await explainToken(issuer.token({ header: { typ: 'JWT' } }), { options: optionsOf(issuer) })
  t.equal(first!.when, 'the issuer is a server of this product: the preset has the settings for its tokens')
})

test('the resource of a running server can be used, whose options are not known', async t => {
  const issuer = createTestIssuer({ resource })
  const running = createResource(resolveConfig(optionsOf(issuer)).config, { debug () {}, warn () {} })
  const { outcome, refusals, acceptedWith } = await explainToken(issuer.token(jwt), { resource: running })
  t.match({ outcome, acceptedWith, lines: refusals.map(({ line }) => line) }, { outcome: 'refused', acceptedWith: null, lines: [entry("profile: 'jwt'")] })
  t.equal((await explainToken(issuer.token(), { resource: running })).outcome, 'accepted')
  const broken = { ...running, verifier: { verify () { throw new TypeError('of the host') } } }
  await t.rejects(explainToken('token', { resource: broken }), { message: 'of the host' })
})

test('an issuer of resolveIssuer has no entry to change', async t => {
  const issuer = createTestIssuer({ resource })
  const options = { ...optionsOf(issuer), authorizationServers: ['https://other.example'], resolveIssuer: () => ({ issuer: issuer.issuer }) } as unknown as Options
  const { refusals } = await explainToken(issuer.token({ claims: { aud: 'https://other.example' } }), { options })
  t.match(refusals, [{ reason: 'audience_foreign', line: null }])
})

test('products are known by their issuer identifiers', t => {
  for (const [issuer, preset] of [
    ['https://login.microsoftonline.com/0000/v2.0', 'entra'], ['https://sts.windows.net/0000/', 'entraV1'], ['https://t.b2clogin.com/0000/v2.0/', 'entraB2c'],
    ['http://adfs.example/adfs/services/trust', 'adfs'], ['https://sso.example/realms/main', 'keycloak'], ['https://t.eu.auth0.com/', 'auth0'],
    ['https://org.okta.com/oauth2/default', 'okta'], ['https://cognito-idp.eu-west-1.amazonaws.com/pool', 'cognito'], ['https://t.supabase.co/auth/v1', 'supabase'],
    ['https://accounts.google.com', 'google'], ['https://token.actions.githubusercontent.com', 'githubActions'], ['https://team.cloudflareaccess.com', 'cloudflareAccess'],
    ['https://kubernetes.default.svc.cluster.local', 'kubernetes'], ['https://x.clerk.accounts.dev', 'clerk'], ['https://api.workos.com/user_management/c', 'workos'], ['https://login.example.com', null]
  ] as const) t.equal(presetOf(issuer), preset, issuer)
  t.end()
})

test('changes are joined by issuer, and made to copies', t => {
  const options = { resource, authorizationServers: ['https://a.example', { issuer: 'https://b.example' }] }
  const changed = withChange(options, { of: 'issuer', issuer: 'https://a.example', set: { profile: 'jwt' } })
  t.same(changed.authorizationServers, [{ issuer: 'https://a.example', profile: 'jwt' }, { issuer: 'https://b.example' }])
  t.same(options.authorizationServers, ['https://a.example', { issuer: 'https://b.example' }])
  t.same(joinChanges([
    { of: 'issuers', issuer: 'https://a.example', set: {} }, { of: 'plugin', set: { dpop: 'allowed' } },
    { of: 'issuer', issuer: 'https://a.example', set: { profile: 'jwt' } }, { of: 'plugin', set: { maxTokenLength: 9 } }
  ]).map(lineOf), [entry("profile: 'jwt'", 'https://a.example'), "dpop: 'allowed', maxTokenLength: 9"])
  t.end()
})

test('a line of configuration is JavaScript, whatever a token has in it', t => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 250 }), fc.string({ unit: 'binary' }), (issuer, audience) => {
    const line = lineOf({ of: 'issuer', issuer, set: { audience: [audience, 'it\'s'], 'a-b': { c: null } } })
    // eslint-disable-next-line no-new-func -- that it can be parsed, and is one value
    const value = new Function(`return { ${line} }`)() as { authorizationServers: Array<Record<string, unknown>> }
    return value.authorizationServers.length === 1 && Object.keys(value.authorizationServers[0]!).join() === 'issuer,audience,a-b' && !/[\r\n\u2028]/.test(line)
  }))
  t.end()
})

test('what the plugin would log is not logged', async t => {
  const issuer = createTestIssuer({ resource })
  const rule = { name: 'later', check: () => false, reportOnly: true }
  t.equal((await explainToken(issuer.token(), { options: optionsOf(issuer, { tokenRules: [rule] }) })).outcome, 'accepted')
})
