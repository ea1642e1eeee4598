import { test } from 'tap'
import { resolveConfig } from '../../../lib/config/resolve.ts'
import type { IssuerOptions } from '../../../lib/config/issuer.ts'
import type { PresetName } from '../../../lib/config/presets.ts'
import { issuerPresets } from '../../../lib/config/presets.ts'
import type { RefusalDetail } from '../../../lib/errors/detail.ts'
import type { OAuthResourceError } from '../../../lib/errors/errors.ts'
import { createResource } from '../../../lib/resource/create-resource.ts'
import type { TestIssuer } from '../../../lib/testing/test-issuer.ts'
import { createTestIssuer } from '../../../lib/testing/test-issuer.ts'
import { checks as allChecks } from '../../../lib/token/checks.ts'
import { runChecks } from '../../../lib/token/run-checks.ts'
import { createExpectedToken } from '../../support/expected-token.ts'

const resource = 'https://api.example.com'
const silent = { debug () {}, warn () {} }
const productNames = Object.keys(issuerPresets) as PresetName[]

interface Explained { readonly reason: string, readonly expected: string, readonly received: string, readonly fix?: string, readonly also?: readonly string[] }

/** What the log says about a token: the reason and the detail. `null` if it is accepted. */
async function explain (issuer: TestIssuer, token: string, entries: ReadonlyArray<string | IssuerOptions> = [issuer.issuer], extra = {}): Promise<Explained | null> {
  const { config } = resolveConfig({ resource, fetch: issuer.fetch, authorizationServers: entries, ...extra })
  try {
    await createResource(config, silent).verifier.verify(token)
    return null
  } catch (error) {
    const { reason, detail } = error as OAuthResourceError
    return { reason, ...detail } as unknown as Explained
  }
}

/** What a refusal says to the log. */
function detailOf (check: () => void): RefusalDetail {
  try {
    check()
  } catch (error) {
    return (error as OAuthResourceError).detail!
  }
  throw new Error('nothing was refused')
}

const entryOf = ({ options }: TestIssuer): IssuerOptions => options.authorizationServers[0]!
const without = ({ preset: _preset, ...entry }: IssuerOptions): IssuerOptions => entry

test('a token of a known product without its preset: the log suggests the preset, which is then enough (F109)', async t => {
  for (const product of productNames) {
    const issuer = createTestIssuer({ resource, product })
    const entry = entryOf(issuer)
    const found = await explain(issuer, issuer.token({ scopes: ['read'] }), [without(entry)])
    t.equal(found!.reason, 'type_refused', product)
    t.equal(found!.fix, `set authorizationServers[0].preset: '${product}': the settings for the tokens of this product`, product)
    t.notOk('also' in found!, `${product}: nothing is left to fix`)
    t.equal(await explain(issuer, issuer.token({ scopes: ['read'] }), [entry]), null, product)
  }
})

test('a preset is suggested only where it is the answer (F109)', async t => {
  const issuer = createTestIssuer({ resource, product: 'okta' })
  const entry = without(entryOf(issuer))
  const expired = await explain(issuer, issuer.token({ expiresInSeconds: -60 }), [{ ...entry, profile: 'jwt' }])
  t.same([expired!.reason, expired!.fix], ['token_expired', undefined])
  const foreignType = await explain(issuer, issuer.token({ header: { typ: 'dpop+jwt' } }), [entry])
  t.equal(foreignType!.fix, 'send the access token: this is another kind of token of the issuer')
  // The preset allows RS256 alone.
  const es256 = createTestIssuer({ resource, product: 'okta', algorithm: 'ES256' })
  t.match((await explain(es256, es256.token(), [entry]))!.fix, /^set authorizationServers\[0\]\.profile: 'jwt', if/)
})

test('no preset is suggested for the checks that it loosens (F109)', async t => {
  // WorkOS and Clerk: allowMissingAudience.
  for (const product of ['workos', 'clerk'] as const) {
    const issuer = createTestIssuer({ resource, product })
    const found = await explain(issuer, issuer.token(), [{ ...without(entryOf(issuer)), profile: 'jwt' }])
    t.equal(found!.reason, 'audience_missing')
    t.notMatch(found!.fix, /preset/)
  }
  // Google and GitHub Actions: allowIdTokens.
  for (const product of ['google', 'githubActions'] as const) {
    const issuer = createTestIssuer({ resource, product })
    const found = await explain(issuer, issuer.token({ claims: { azp: undefined, client_id: undefined } }), [{ ...without(entryOf(issuer)), profile: 'jwt' }])
    t.equal(found!.reason, 'type_refused')
    t.notMatch(found!.fix, /preset|allowIdTokens/)
  }
  // Supabase: the audience of every token.
  const supabase = createTestIssuer({ resource, product: 'supabase' })
  const found = await explain(supabase, supabase.token(), [{ issuer: supabase.issuer, profile: 'jwt' }])
  t.equal(found!.reason, 'audience_foreign')
  t.notMatch(found!.fix, /preset/)
})

test('an ID token is called one, with a preset and without (F109)', async t => {
  for (const product of productNames.filter(name => !['githubActions', 'kubernetes'].includes(name))) {
    const issuer = createTestIssuer({ resource, product })
    const entry = entryOf(issuer)
    for (const one of [entry, without(entry), { ...without(entry), profile: 'jwt' } as const]) {
      // Presets of issuers that have no other tokens leave it to the audience.
      if (one.preset !== undefined && issuerPresets[one.preset].allowIdTokens === true) continue
      const found = await explain(issuer, issuer.brokenToken('id_token'), [one])
      const label = `${product} ${JSON.stringify(one)}`
      t.match(found!.received, /(?:^|; )this is an ID token: /, label)
      t.match(found!.fix, /^send the access token of the token response, and not its ID token/, label)
      t.notOk('also' in found!, label)
    }
  }
})

test('an ID token without a mark of its own: certain with a preset, else possible (F109)', async t => {
  const issuer = createTestIssuer({ resource, product: 'auth0' })
  const entry = entryOf(issuer)
  const token = issuer.token({ claims: { azp: undefined, scope: undefined, aud: 'client-1' } })
  const mark = 'there is no client and no scope in the token'
  t.match(await explain(issuer, token, [entry]), {
    reason: 'audience_foreign', received: `aud is "client-1"; this is an ID token: ${mark}`, fix: /^send the access token of the token response, and not its ID token$/
  })
  const possible = await explain(issuer, token, [{ ...without(entry), profile: 'jwt' }])
  t.equal(possible!.received, `aud is "client-1"; this may be an ID token: ${mark}`)
  t.match(possible!.fix, /^send the access token of the token response, and not its ID token; or, if it is an access token: request the token for this resource/)
  t.match(possible!.also, [/^type_refused: expected an access token, received this may be an ID token/])
  t.match((await explain(issuer, issuer.token({ claims: { azp: undefined, scope: undefined } }), [entry]))!.received, /^this is an ID token: /)
  const rfc9068 = createTestIssuer({ resource })
  t.equal((await explain(rfc9068, rfc9068.token({ claims: { aud: 'x', nonce: 'n' } })))!.received, 'aud is "x"', 'typ: at+jwt says that it is none')
})

test('a token is not called an ID token where a setting is the answer, nor by a check that access tokens fail, too (F109)', async t => {
  const issuer = createTestIssuer({ resource })
  const bare = { client_id: undefined, azp: undefined, scope: undefined }
  const mark = 'received this may be an ID token: there is no client and no scope in the token'
  const otherType = await explain(issuer, issuer.token({ header: { typ: 'JWT' }, claims: bare }))
  t.equal(otherType!.received, 'typ is "JWT"')
  t.match(otherType!.fix, /^set authorizationServers\[0\]\.profile: 'jwt'/)
  t.match(otherType!.also, [mark], 'it would be the next refusal')
  const expired = await explain(issuer, issuer.token({ header: { typ: 'JWT' }, expiresInSeconds: -60, claims: bare }), [{ issuer: issuer.issuer, profile: 'jwt' }])
  t.match(expired, { reason: 'token_expired', received: /^exp is \d+$/, also: [mark] })
})

test('profile jwt is suggested with the scopes that it reads, and not where it is set (F109)', async t => {
  const issuer = createTestIssuer({ resource })
  const token = issuer.token({ header: { typ: 'JWT' }, claims: { client_id: undefined, azp: undefined, scope: undefined, scp: ['read'] } })
  const found = await explain(issuer, token)
  t.match(found!.fix, /profile: 'jwt'/)
  t.notOk('also' in found!, 'the profile reads scp, which no ID token has')
  t.equal(await explain(issuer, token, [{ issuer: issuer.issuer, profile: 'jwt' }]), null)
  const unread = await explain(issuer, token, [{ issuer: issuer.issuer, profile: 'jwt', scopeClaims: ['permissions'] }])
  t.match(unread, { reason: 'type_refused', received: /this may be an ID token/ })
  t.notMatch(unread!.fix, /profile/)
})

test('the claims that distinguish access tokens of a product rule an ID token out (F109)', async t => {
  const issuer = createTestIssuer({ resource, product: 'cloudflareAccess' })
  const found = await explain(issuer, issuer.token({ claims: { aud: ['other'] } }), [entryOf(issuer)])
  t.equal(found!.received, 'aud is ["other"]')
  const wrongKind = await explain(issuer, issuer.token({ claims: { type: 'org' } }), [entryOf(issuer)])
  t.equal(wrongKind!.received, 'type is "org"; this may be an ID token: there is no client and no scope in the token')
  t.match(wrongKind!.fix, /correct authorizationServers\[0\]\.requiredClaims/)
})

test('one line lists every fault that the token shows already, and the fix is assumed to be made (F109)', async t => {
  const issuer = createTestIssuer({ resource })
  const token = issuer.token({ expiresInSeconds: -60, header: { typ: 'JWT' }, claims: { aud: 'https://other.example', jti: undefined, nbf: 9_999_999_999, sub: undefined, client_id: undefined, cnf: { kid: 'k' }, scope: 'a' } })
  const found = await explain(issuer, token)
  t.equal(found!.reason, 'type_refused')
  t.same(found!.also!.map(one => one.slice(0, one.indexOf(':'))), [
    'audience_foreign', 'token_expired', 'token_not_yet_valid', 'claim_missing', 'confirmation_unsupported'
  ])
  t.match(found!.also![0], 'audience_foreign: expected aud is https://api.example.com, received aud is "https://other.example"')
  t.match(found!.also![3], /^claim_missing: expected claim sub for a user/, 'as with profile jwt, which the fix sets')
})

test('the list of further faults is bounded (F109)', t => {
  const expected = createExpectedToken()
  const claims = { aud: 7, exp: 'x', nbf: 'x', iat: 'x', cnf: 'x'.repeat(1000), token_use: 'x'.repeat(1000) }
  const check = (): void => runChecks([...Array(3)].flatMap(() => allChecks), { jwt: { header: {}, claims }, expected: { ...expected, requiredClaims: { token_use: 'y'.repeat(1000) } }, now: 0, brokenRules: [] })
  const detail = detailOf(check)
  t.equal(detail.also!.length, 5)
  t.ok(detail.also!.every(one => one.length <= 400))
  t.end()
})

test('a rule that is not enforced yet is not reported twice for a refused token', t => {
  const brokenRules: string[] = []
  const expected = createExpectedToken({ foreignAudiences: 'report' })
  const claims = { aud: ['https://api.example.com', 'other'], exp: 0 }
  detailOf(() => runChecks(allChecks.slice(4), { jwt: { header: {}, claims }, expected, now: 100, brokenRules }))
  t.same(brokenRules, ['foreignAudiences'])
  t.end()
})

test('an error that is no refusal stays as it is', t => {
  t.throws(() => runChecks([() => { throw new TypeError('a defect') }], { jwt: { header: {}, claims: {} }, expected: createExpectedToken(), now: 0, brokenRules: [] }), { name: 'TypeError', message: 'a defect' })
  t.end()
})

test('a fix names the option of the issuer by its path (F109)', async t => {
  const issuer = createTestIssuer({ resource })
  const at = (...entries: Array<string | IssuerOptions>) => async (claims: object, header = {}) => await explain(issuer, issuer.token({ claims: { ...claims }, header }), entries)
  const first = at({ issuer: issuer.issuer })
  const second = at('https://other.example', { issuer: issuer.issuer, profile: 'jwt', rejectForeignAudiences: true, requiredClaims: { a: 'b' } })
  t.match((await first({ aud: 'x' }))!.fix, /set authorizationServers\[0\]\.audience to a value that only tokens for this API have$/)
  t.match((await first({ aud: undefined }))!.fix, /set authorizationServers\[0\]\.claims\.audience.* set authorizationServers\[0\]\.allowMissingAudience: true/)
  t.match((await first({ jti: undefined }))!.fix, /^set authorizationServers\[0\]\.profile: 'jwt', if/)
  t.match((await first({ nbf: 9_999_999_999 }))!.fix, /raise authorizationServers\[0\]\.clockToleranceSeconds$/)
  t.match((await second({ aud: [resource, 'x'] }))!.fix, /^authorizationServers\[1\]\.rejectForeignAudiences refuses/)
  t.match((await second({ scope: 'x' }))!.fix, /correct authorizationServers\[1\]\.requiredClaims/)
  t.match((await at('https://other.example', issuer.issuer)({ jti: undefined }))!.fix,
    `set authorizationServers[1].profile: 'jwt' (write { issuer: '${issuer.issuer}', profile: 'jwt' } in place of the identifier), if`)
  t.match((await explain(issuer, issuer.token({ claims: { scope: ['a'] } })))!.fix, /^set authorizationServers\[0\]\.profile: 'jwt' \(write/)
  t.match((await explain(issuer, issuer.token({ claims: { jti: undefined } }), ['https://other.example'], { resolveIssuer: () => ({ issuer: issuer.issuer }) }))!.fix, /^set resolveIssuer\.profile: 'jwt', if/)
})

test('an algorithm that is supported can be added, a symmetric one or none cannot (F109)', async t => {
  const rs256 = createTestIssuer({ resource, algorithm: 'RS256' })
  t.equal((await explain(rs256, rs256.token(), [{ issuer: rs256.issuer, algorithms: ['ES256'] }]))!.fix, 'add it to authorizationServers[0].algorithms, if the issuer is meant to sign with it')
  for (const kind of ['alg_none', 'symmetric'] as const) t.notMatch((await explain(rs256, rs256.brokenToken(kind)))!.fix, /algorithms/, kind)
})

test('a missing subject: the log says what suffices (F109)', async t => {
  const issuer = createTestIssuer({ resource })
  const machine = { sub: undefined, scope: 'a' }
  const strict = await explain(issuer, issuer.token({ claims: machine }))
  t.match(strict, { expected: "claim sub (RFC 9068 section 2.2); with profile 'jwt' client_id, azp, cid or appid suffices", fix: /profile: 'jwt'/ })
  const lenient = [{ issuer: issuer.issuer, profile: 'jwt' } as const]
  t.equal(await explain(issuer, issuer.token({ claims: machine }), lenient), null)
  const cases = [
    [{ client_id: undefined }, 'sub is missing, and there is no client'], [{ sub: null, client_id: undefined }, 'sub is null, and there is no client'],
    [{ username: 'ann' }, 'sub is missing, and username names a user'], [{ sub: '' }, 'sub is ""'], [{ sub: 7 }, 'sub is 7']
  ] as const
  for (const [claims, received] of cases) t.equal((await explain(issuer, issuer.token({ claims: { ...machine, ...claims } }), lenient))!.received, received)
})

test('another spelling of the same issuer, and the other version of an Entra tenant: the log says how to write it (F109)', async t => {
  const v2 = createTestIssuer({ resource, product: 'entra' })
  const v1 = createTestIssuer({ resource, product: 'entraV1' })
  const plain = createTestIssuer({ resource })
  t.equal((await explain(plain, plain.token(), ['https://other.example', `${plain.issuer}/`]))!.fix, `set authorizationServers[1].issuer: '${plain.issuer}', exactly as iss spells it`)
  t.equal((await explain(plain, plain.token({ claims: { iss: `${plain.issuer}/` } })))!.fix, `set authorizationServers[0].issuer: '${plain.issuer}/', exactly as iss spells it`)
  t.match((await explain(v1, v1.token(), [v2.issuer]))!.fix,
    /^this is an access token of version 1\.0 of the same Entra tenant: set accessTokenAcceptedVersion to 2 .* preset: 'entraV1', jwksUri: 'https:\/\/login\.microsoftonline\.com\/[\w-]+\/discovery\/keys' }$/)
  t.match((await explain(v2, v2.token(), [without(entryOf(v1))]))!.fix, /version 2\.0 of the same Entra tenant: set authorizationServers\[0\]: { issuer: '.*', preset: 'entra' }$/)
  for (const iss of ['https://issuer.test.evil.example', 'https://sts.windows.net/other/', 7]) {
    t.notOk('fix' in (await explain(plain, plain.token({ claims: { iss } }), [plain.issuer, v2.issuer]))!, String(iss))
  }
})

test('an opaque token: first the resource parameter, then introspection (F109)', async t => {
  const issuer = createTestIssuer({ resource })
  const advice = 'request the token for this resource (parameter resource, RFC 8707, or audience of the authorization and the token request), so that the authorization server issues a JWT; if it issues opaque tokens only, set '
  t.equal((await explain(issuer, 'opaque'))!.fix, `${advice}authorizationServers[0].introspection`)
  t.equal((await explain(issuer, 'opaque', [issuer.issuer, 'https://other.example']))!.fix, `${advice}introspection of its entry in authorizationServers`)
  const customTokens = [{ prefix: 'pat_', verify: () => null }]
  t.equal((await explain(issuer, 'opaque', undefined, { customTokens }))!.fix, `${advice}authorizationServers[0].introspection`)
})
