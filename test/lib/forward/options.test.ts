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
    [{ routes: { '/a/*': { upstream: 'https://a', credential: target.credential } } }, /^forward\.routes\["\/a\/\*"\] is not a path/]
  ] as const) t.throws(() => checkForwardOptions(given), refusal(message), String(message))
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
  for (const credential of [{}, { session, headers: {} }, { session: {} }, { session, owner: 'caller' }, 'Bearer x', null]) {
    t.throws(() => checkForwardTarget({ ...target, credential }), refusal(/^`?forward target/), JSON.stringify(credential))
  }
  for (const name of ['host', 'Content-Length', 'connection', 'proxy-authorization', 'a b', '']) {
    t.throws(() => checkForwardTarget({ ...target, credential: { headers: { [name]: 'x' } } }),
      refusal(`forward target "a".credential.headers[${JSON.stringify(name)}] is not a header that a credential can have`))
  }
  t.throws(() => checkForwardTarget({ ...target, name: '' }), refusal(/^forward target\.name /))
  t.throws(() => checkForwardTarget({ ...target, secret }), refusal('forward target: unknown option "secret". Known options: upstream, credential, mayUse, name, identity.'))
  t.end()
})
