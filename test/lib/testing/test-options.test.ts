import { test } from 'tap'
import { createTestClient, createTestIssuer, createTestPrincipals } from 'fastify-oauth-resource-server/testing'

const resource = 'https://api.example.com'
const issuer = createTestIssuer({ resource })
const client = createTestClient()
const principals = createTestPrincipals()

/** Arguments as JavaScript may pass them, which the types refuse. */
const as = (value: unknown): never => value as never

const refused: ReadonlyArray<{ title: string, call: () => unknown, message: string | RegExp }> = [
  { title: 'no options', call: () => createTestIssuer(as(undefined)), message: 'options of createTestIssuer must be an object, got undefined' },
  { title: 'no resource', call: () => createTestIssuer(as({})), message: '`options.resource` of createTestIssuer is required' },
  { title: 'an unknown option', call: () => createTestIssuer(as({ resource, algoritm: 'ES256' })), message: 'options of createTestIssuer: unknown option "algoritm". Did you mean "algorithm"?' },
  { title: 'an unknown algorithm', call: () => createTestIssuer(as({ resource, algorithm: 'RS265' })), message: /^options\.algorithm of createTestIssuer must be one of .*, got "RS265"\. Did you mean "RS256"\?$/ },
  { title: 'an unknown product', call: () => createTestIssuer(as({ resource, product: 'keyclock' })), message: /^options\.product of createTestIssuer must be one of .*, got "keyclock"\. Did you mean "keycloak"\?$/ },
  { title: 'scope of a token', call: () => issuer.token(as({ scope: ['a'] })), message: 'options of issuer.token: unknown option "scope". Did you mean "scopes"?' },
  { title: 'scope of headers', call: () => issuer.headers(as({ scope: ['a'] })), message: 'options of issuer.token: unknown option "scope". Did you mean "scopes"?' },
  { title: 'scopes in one string', call: () => issuer.token(as({ scopes: 'a b' })), message: 'options.scopes of issuer.token must be an array, got "a b"' },
  { title: 'an unknown kind of principal', call: () => issuer.token(as({ principalType: 'machine' })), message: 'options.principalType of issuer.token must be one of "user", "client", got "machine"' },
  { title: 'an actor without a name', call: () => issuer.token({ actor: [] }), message: 'options.actor of issuer.token must be a non-empty string or a non-empty array, got []' },
  { title: 'an impersonation without staff', call: () => issuer.token(as({ impersonatedBy: { actor: 'sam' } })), message: /^options\.impersonatedBy of issuer\.token: unknown option "actor"\./ },
  { title: 'an unknown broken token', call: () => issuer.brokenToken(as('expird')), message: /^kind of issuer\.brokenToken must be one of .*, got "expird"\. Did you mean "expired"\?$/ },
  { title: 'a name that every object has', call: () => issuer.brokenToken(as('toString')), message: /^kind of issuer\.brokenToken must be one of/ },
  { title: 'scope of a broken token', call: () => issuer.brokenToken('expired', as({ scope: [] })), message: 'options of issuer.brokenToken: unknown option "scope". Did you mean "scopes"?' },
  { title: 'scope of an opaque token', call: () => issuer.opaqueToken(as({ scope: [] })), message: 'options of issuer.opaqueToken: unknown option "scope". Did you mean "scopes"?' },
  { title: 'a token to revoke that is not opaque', call: () => issuer.revoke(issuer.token()), message: 'issuer.revoke takes a token of issuer.opaqueToken, got another one' },
  { title: 'an unknown option of a rotation', call: () => issuer.rotateKeys(as({ keepold: true })), message: 'options of issuer.rotateKeys: unknown option "keepold". Did you mean "keepOld"?' },
  { title: 'an outage of neither', call: () => issuer.setOutage(as(undefined)), message: 'isDown of issuer.setOutage must be true or false, got undefined' },
  { title: 'an unknown endpoint', call: () => issuer.respond(as('keys'), null), message: 'endpoint of issuer.respond must be one of "metadata", "jwks", "introspection", got "keys"' },
  { title: 'an answer that is no function', call: () => issuer.respond('jwks', as(new Response())), message: 'answer of issuer.respond must be a function or null, got {}' },
  { title: 'an unknown option of a client', call: () => createTestClient(as({ alg: 'ES256' })), message: 'options of createTestClient: unknown option "alg". Did you mean "algorithm"?' },
  { title: 'a proof without its URL', call: () => client.proof(as({ token: 'x' })), message: '`target.url` of the proof is required' },
  { title: 'an unknown member of the target', call: () => client.headers(as({ uri: resource, url: resource, token: 'x' })), message: 'target of the proof: unknown option "uri". Did you mean "url"?' },
  { title: 'scope of a principal', call: () => principals.headers(as({ scope: ['a'] })), message: 'principal of principals.headers: unknown option "scope". Did you mean "scopes"?' },
  { title: 'scopes of a principal in one string', call: () => principals.headers(as({ scopes: 'a b' })), message: 'principal.scopes of principals.headers must be an array, got "a b"' }
]

for (const { title, call, message } of refused) {
  test(`${title}: refused, with what was likely meant`, t => {
    let error: unknown
    try {
      call()
    } catch (thrown) {
      error = thrown
    }
    const { code, message: got } = error as { code?: string, message: string }
    t.equal(code, 'FST_OAUTH_OPTION_INVALID')
    if (typeof message === 'string') t.equal(got, message)
    else t.ok(message.test(got), got)
    t.end()
  })
}

test('a token that is revoked again', t => {
  const own = createTestIssuer({ resource })
  const opaque = own.opaqueToken()
  own.revoke(opaque)
  t.doesNotThrow(() => own.revoke(opaque), 'a token may be revoked twice (RFC 7009 section 2.2)')
  t.end()
})

test('a principal may have every member of a token', t => {
  t.doesNotThrow(() => principals.headers({
    subject: 'ann', principalType: 'user', clientId: null, scopes: [], actor: { issuer: 'https://issuer.test', subject: 'sam' }, tokenId: 'id',
    expiresAt: 1, issuedAt: null, roles: [], organizations: ['globex'], teams: null, sessionId: 's', grantId: null, authenticationContext: null,
    authenticatedAt: 1, authorizationDetails: [{ type: 'payment', amount: 1 }], claims: { name: 'Ann' }
  }))
  t.end()
})
