import { test } from 'tap'
import { checkForwardOptions, checkForwardTarget } from '../../../lib/forward/options.ts'
import { defaultRequestHeaders, defaultResponseHeaders } from '../../../lib/forward/header-list.ts'
import { createTestSession } from '../../support/forward-proxy.ts'

const secret = 'a-secret-that-is-not-to-be-guessed'
const target = { name: 'a', identity: 'b', upstream: 'https://up.example', credential: { headers: { authorization: 'Bearer hidden-value' } } }
const refusal = (message: string | RegExp): { code: string, message: string | RegExp } => ({ code: 'FST_OAUTH_OPTION_INVALID', message })

test('the default options of the proxy', t => {
  const { clock, ...rest } = checkForwardOptions({})
  t.type(clock.now(), 'number')
  t.strictSame(rest, {
    path: '/forward', routes: {}, config: undefined, callers: null, secretHeader: 'x-forward-secret', requestHeaders: defaultRequestHeaders,
    responseHeaders: defaultResponseHeaders, replayBytes: 1048576, replayTimeoutMs: 10_000, inspectBytes: 65536, inspectTimeoutMs: 2000, connectTimeoutMs: 10_000,
    responseTimeoutMs: null, closeTimeoutMs: 10_000, classifier: undefined, baseUrl: null, allowInsecureUpstreams: false, dispatcher: null
  })
  t.strictSame(checkForwardOptions({ responseTimeoutMs: undefined, path: undefined }), { ...rest, clock }, 'also for what is undefined')
  t.end()
})

test('an invalid proxy option is refused with its name', t => {
  for (const [given, message] of [
    [{ prefixes: 1 }, 'forward: unknown option "prefixes".'],
    [{ path: '/a/' }, /^forward\.path /],
    [{ path: '/:a' }, /^forward\.path /],
    [{ callers: 'anybody' }, 'forward.callers must be one of "access-token", "secret", got "anybody"'],
    [{ replayBytes: -1 }, /^forward\.replayBytes .* got -1$/],
    [{ closeTimeoutMs: 0 }, /^forward\.closeTimeoutMs /],
    [{ replayTimeoutMs: 0 }, /^forward\.replayTimeoutMs /],
    [{ routes: { '/a': { upstream: 'https://a', credential: target.credential, secret: `${secret}, quoted` } } }, /that a Bearer token can have/],
    [{ inspectTimeoutMs: 0 }, /^forward\.inspectTimeoutMs /],
    [{ connectTimeoutMs: 2 ** 31 }, /^forward\.connectTimeoutMs /],
    [{ responseTimeoutMs: 0 }, /^forward\.responseTimeoutMs /],
    [{ secretHeader: 'a b' }, /^forward\.secretHeader /],
    [{ requestHeaders: ['a*b'] }, /^forward\.requestHeaders\[0\] /],
    [{ baseUrl: 'https://a/b' }, 'forward.baseUrl must be an origin such as https://host, got "https://a/b"'],
    [{ baseUrl: 'a' }, 'forward.baseUrl must be an origin such as https://host, got "a"'],
    [{ classifier: { words: [] } }, 'forward.classifier: unknown option "words". Known options: invalidTokenCodes, refusalCodes, sentences.'],
    [{ routes: { 'no-slash': { upstream: 'https://a', credential: target.credential } } }, /^forward\.routes\["no-slash"\] is not a path/],
    [{ path: 'x/a' }, /^forward\.path /],
    [{ routes: { '/a': { upstream: '', credential: target.credential } } }, /^forward\.routes/],
    [{ routes: { '/a/*': { upstream: 'https://a', credential: target.credential } } }, /^forward\.routes\["\/a\/\*"\] is not a path/]
  ] as const) t.throws(() => checkForwardOptions(given), refusal(message), String(message))
  t.end()
})

test('each proxy option takes the values that its description names, up to its limits', t => {
  const accepted: Record<string, readonly unknown[]> = {
    path: ['/a', '/a/b', "/A9._~!$&'()+,;=@-"],
    config: [{}, { oauth: { scopes: ['a'] } }],
    callers: ['access-token', 'secret'],
    secretHeader: ['x', 'x-key', "!#$%&'+.^_`|~09azAZ-"],
    requestHeaders: [[], ['a'], ['x-*', 'accept'], ['*']],
    responseHeaders: [[], ['a'], ['x-*', 'etag'], ['*']],
    replayBytes: [0, 2 ** 30],
    inspectBytes: [0, 2 ** 30],
    replayTimeoutMs: [1, 2 ** 31 - 1],
    inspectTimeoutMs: [1, 2 ** 31 - 1],
    connectTimeoutMs: [1, 2 ** 31 - 1],
    responseTimeoutMs: [1, 2 ** 31 - 1, null],
    closeTimeoutMs: [1, 2 ** 31 - 1],
    classifier: [{}, { invalidTokenCodes: ['a', 1] }, { refusalCodes: ['a', 1] }, { sentences: ['a'] }],
    baseUrl: ['https://proxy.example', 'http://127.0.0.1:8080'],
    allowInsecureUpstreams: [true, false],
    clock: [{ now: () => 0 }],
    dispatcher: [{ request: async () => {} }]
  }
  for (const [name, values] of Object.entries(accepted)) {
    for (const value of values) {
      const checked = checkForwardOptions({ [name]: value }) as unknown as Record<string, unknown>
      t.same(checked[name], typeof value === 'string' && name === 'secretHeader' ? value.toLowerCase() : value, `${name} ${String(value)}`)
    }
  }
  t.end()
})

test('each proxy option refuses the values beyond its limits and those of another type', t => {
  const refused: Record<string, readonly unknown[]> = {
    path: ['', 'a', 1],
    routes: [[1], { '/a': { upstream: 1 } }, 'a'],
    config: [1, 'a'],
    callers: ['', 1],
    secretHeader: ['', 'a*', 1],
    requestHeaders: ['a', [''], ['a b'], ['a**'], ['**'], ['x *'], [1]],
    responseHeaders: ['a', [''], ['a b'], ['a**'], [1]],
    replayBytes: [-1, 2 ** 30 + 1, 0.5, '1'],
    inspectBytes: [-1, 2 ** 30 + 1, 0.5, '1'],
    replayTimeoutMs: [0, 2 ** 31, 1.5],
    inspectTimeoutMs: [0, 2 ** 31, 1.5],
    connectTimeoutMs: [0, 2 ** 31, 1.5],
    responseTimeoutMs: [0, 2 ** 31, 1.5, 'none'],
    closeTimeoutMs: [0, 2 ** 31, 1.5],
    classifier: [1, { invalidTokenCodes: 'a' }, { invalidTokenCodes: [''] }, { invalidTokenCodes: [true] }, { refusalCodes: [''] }, { refusalCodes: 'a' },
      { sentences: [''] }, { sentences: 'a' }, { sentences: [1] }],
    baseUrl: ['', 1, 'https://proxy.example/', 'http://['],
    allowInsecureUpstreams: ['yes', 1],
    clock: [1, {}, { now: 1 }],
    dispatcher: [1, {}, { request: 1 }]
  }
  for (const [name, values] of Object.entries(refused)) {
    for (const value of values) {
      t.throws(() => checkForwardOptions({ [name]: value }), refusal(new RegExp(`^\`?forward\\.${name}\\b`)), `${name} ${JSON.stringify(value)}`)
    }
  }
  t.end()
})

test('the secret of a route has at least 32 characters of a Bearer token (RFC 6750 2.1)', t => {
  const check = (secret: unknown): unknown =>
    checkForwardOptions({ routes: { '/a': { upstream: 'https://a', credential: target.credential, secret, config: { a: 1 }, mayUse: () => true } } }).routes['/a']!.secret
  const long = 'Aa0-._~+/'.repeat(4)
  for (const good of [long.slice(0, 32), long, `${long}=`, `${long}==`, undefined]) t.equal(check(good), good)
  for (const bad of [long.slice(0, 31), `${long.slice(0, 31)}=`, ` ${long}`, `${long} `, `=${long}`, `${long}=a`, `${long},`, '', null, 1, [long]]) {
    t.throws(() => check(bad), refusal('forward.routes["/a"].secret must be a string of at least 32 characters that a Bearer token can have (RFC 6750)'), String(bad))
  }
  for (const wrong of [{ config: 1 }, { mayUse: true }, { name: 'a' }, { credential: undefined }]) {
    t.throws(() => checkForwardOptions({ routes: { '/a': { upstream: 'https://a', credential: target.credential, ...wrong } } }), refusal(/^`?forward\.routes/), Object.keys(wrong).join())
  }
  t.end()
})

test('a header of a credential has a value that a header can have (RFC 9110 5.5)', t => {
  const check = (value: unknown): unknown => checkForwardTarget({ ...target, credential: { headers: { "!#$%&'+.^_`|~09azAZ-": value } } })
  for (const good of ['', 'a', ' \t!~\x80\xff']) t.ok(check(good))
  for (const bad of ['\n', 'a\r', '\0', '\x1f', '\x7f', '\u0100', 1, null, ['a']]) {
    t.throws(() => check(bad), refusal("forward target \"a\".credential.headers[\"!#$%&'+.^_`|~09azAZ-\"] has a value that a header cannot have"), JSON.stringify(bad))
  }
  t.end()
})

test('no option error contains a secret [R54]', t => {
  const route = (given: object): object => ({ routes: { '/a': { upstream: 'https://a', ...given } } })
  for (const given of [
    route({ credential: target.credential, secret: 'hidden-value' }), route({ credential: target.credential, secret: ['hidden-value'] }),
    route({ credential: { headers: { 'x-key': 'hidden-value\n' } } }), route({ credential: { headers: { 'x-key': ['hidden-value'] } } }),
    route({ credential: { ...target.credential, owner: 'nobody' } }), route({ credential: target.credential, secret, more: 1 }),
    route({ credential: { headers: 'hidden-value' } })
  ]) {
    const error = ((): Error => {
      try {
        checkForwardOptions(given)
        return new Error('no error: hidden-value')
      } catch (thrown) {
        return thrown as Error
      }
    })()
    t.match(error, { code: 'FST_OAUTH_OPTION_INVALID' }, error.message)
    t.notMatch(error.message, /hidden-value/)
  }
  t.end()
})

test('the credential of a target is a session or headers', t => {
  const session = createTestSession()
  const proof = { proofFor: async () => '', sawNonce () {} }
  for (const credential of [{ session }, { session, proof }, { headers: {} }, { headers: { 'X-Key': 'a' }, owner: 'caller' }, { headers: { a: 'b' }, owner: 'proxy' }]) {
    t.equal(checkForwardTarget({ ...target, credential }).credential, credential)
  }
  const { token, refresh, refuse } = session
  const partial = [
    { session: { refresh, refuse } }, { session: { token, refuse } }, { session: { token, refresh } }, { session, proof: {} },
    { session, proof: { proofFor: proof.proofFor } }, { session, proof: { sawNonce: proof.sawNonce } }, { headers: {}, proof }, { headers: {}, owner: 'user' }
  ]
  for (const credential of [...partial, {}, { session, headers: {} }, { session: {} }, { session, owner: 'caller' }, 'Bearer x', null]) {
    t.throws(() => checkForwardTarget({ ...target, credential }), refusal(/^`?forward target/), JSON.stringify(credential))
  }
  for (const name of ['host', 'Content-Length', 'connection', 'proxy-authorization', 'a b', '']) {
    t.throws(() => checkForwardTarget({ ...target, credential: { headers: { [name]: 'x' } } }),
      refusal(`forward target "a".credential.headers[${JSON.stringify(name)}] is not a header that a credential can have`))
  }
  for (const [name, value] of [['name', ''], ['name', 1], ['identity', ''], ['identity', 1], ['upstream', ''], ['upstream', 1], ['mayUse', true]] as const) {
    t.throws(() => checkForwardTarget({ ...target, [name]: value }), refusal(new RegExp(`^forward target\\.${name} `)), `${name} ${value}`)
  }
  for (const name of ['name', 'identity', 'upstream', 'credential']) {
    t.throws(() => checkForwardTarget({ ...target, [name]: undefined }), refusal(`\`forward target.${name}\` is required`), name)
  }
  const mayUse = (): boolean => true
  t.equal(checkForwardTarget({ ...target, mayUse }).mayUse, mayUse)
  t.throws(() => checkForwardTarget({ ...target, secret }), refusal('forward target: unknown option "secret". Known options: upstream, credential, mayUse, name, identity.'))
  t.end()
})
