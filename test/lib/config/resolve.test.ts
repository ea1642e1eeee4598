import fc from 'fast-check'
import { test } from 'tap'
import { systemClock } from '../../../lib/clock.ts'
import { resolveConfig } from '../../../lib/config/resolve.ts'
import { createTestClock } from '../../support/clock.ts'
import { plainOptions, pointer } from '../../support/hint.ts'
import { identifierArbitrary } from '../../support/arbitrary-identifier.ts'

const given = (extra: Record<string, unknown> = {}): Record<string, unknown> => ({ ...plainOptions, ...extra })

test('defaults', t => {
  const { config, warnings } = resolveConfig(given())
  t.strictSame(warnings, [])
  t.match(config, {
    resource: 'https://api.example.com', metadataUrl: pointer, metadataMaxAgeSeconds: 3600, rootAlias: null,
    documentServedElsewhere: false, realm: null, scopes: [], scopeImplies: null, lookupTimeoutMs: 5000, tokenCache: { maxEntries: 10_000, maxBytes: 67_108_864, maxAgeMs: 60_000 },
    discovery: {
      limits: { timeoutMs: 5000, maxBytes: 1_048_576 },
      metadata: { defaultAgeMs: 3_600_000 },
      keys: { defaultAgeMs: 600_000, minAgeMs: 60_000, maxAgeMs: 86_400_000, coolDownMs: 30_000, retryAfterMs: 5000, maxStaleMs: 86_400_000 }
    }
  })
  t.equal(config.clock, systemClock)
  t.equal(config.issuers.length, 1)
  t.end()
})

test('what is given is taken, in the unit of its name', t => {
  const clock = createTestClock()
  const fetch = async (): Promise<Response> => new Response()
  const scopeImplies = (): boolean => true
  const { config } = resolveConfig(given({
    realm: 'r', metadataMaxAgeSeconds: 0, rootAlias: false, lookupTimeoutMs: 7, tokenCache: { maxEntries: 2, maxBytes: 4000, maxAgeSeconds: 3 }, fetch, clock, scopeImplies,
    scopes: { a: 'A', b: { advertised: false } },
    discovery: {
      timeoutMs: 1, maxBytes: 2048, keysMaxAgeSeconds: 2, metadataMaxAgeSeconds: 3, unknownKeyCooldownSeconds: 4, retryAfterSeconds: 6,
      maxStaleSeconds: 0
    }
  }))
  t.match(config, {
    realm: 'r', metadataMaxAgeSeconds: 0, rootAlias: false, lookupTimeoutMs: 7, tokenCache: { maxEntries: 2, maxBytes: 4000, maxAgeMs: 3000 },
    discovery: {
      limits: { timeoutMs: 1, maxBytes: 2048 },
      metadata: { defaultAgeMs: 3000, coolDownMs: 4000, retryAfterMs: 6000, maxStaleMs: 0 },
      keys: { defaultAgeMs: 2000 }
    }
  })
  t.equal(config.fetch, fetch)
  t.equal(config.clock, clock)
  t.equal(config.scopeImplies, scopeImplies)
  t.strictSame(config.document.members.scopes_supported, ['a'])
  t.equal(resolveConfig(given({ tokenCache: false })).config.tokenCache, null)
  t.equal(resolveConfig(given({ documentServedElsewhere: true, rootAlias: false })).config.documentServedElsewhere, true)
  t.equal(resolveConfig(given({ realm: undefined, fetch: undefined })).config.realm, null, 'undefined is not given')
  class Watch { now (): number { return 5 } }
  t.equal(resolveConfig(given({ clock: new Watch() })).config.clock.now(), 5)
  t.end()
})

test('the configuration is frozen, all the way down', t => {
  const { config } = resolveConfig(given({ scopes: { a: 'A' } }))
  const { identifier, document, issuers, scopes, tokenCache, discovery } = config
  const all = [
    config, identifier, document, document.members, issuers, issuers[0], issuers[0]?.rule, issuers[0]?.rule.audiences, scopes, scopes[0],
    tokenCache, discovery, discovery.limits, discovery.keys, discovery.metadata
  ]
  for (const [index, part] of all.entries()) t.ok(Object.isFrozen(part), `part ${index}`)
  t.end()
})

test('the default fetch is the global one of the moment', async t => {
  const { config } = resolveConfig(given())
  const answer = new Response('x')
  const asked: unknown[] = []
  t.capture(globalThis, 'fetch', async (...args: unknown[]) => {
    asked.push(args)
    return answer
  })
  const init = { method: 'GET' }
  t.equal(await config.fetch('https://h', init), answer)
  t.strictSame(asked, [['https://h', init]])
})

test('warnings', t => {
  for (const [extra, warning] of [
    [{ resource: 'https://h/a?x=1' }, 'resource "https://h/a?x=1" should not have a query (RFC 9728 section 1.2)'],
    [{ resource: 'https://h/a/' }, 'resource "https://h/a/" ends with a slash, which clients must then repeat in every comparison'],
    [{ scopes: { '*': 'All' } }, 'scopes["*"] is not advertised: no client should request it from the document'],
    [{ scopes: { offline_access: 'Stay' } }, 'scopes["offline_access"] is not advertised: no client should request it from the document'],
    [{ metadata: undefined }, 'metadata.resource_name should say what a person calls this resource'],
    [{ metadata: {} }, 'metadata.resource_name should say what a person calls this resource'],
    [{ authorizationServers: [{ issuer: 'https://as', advertised: false }] },
      'no authorization server is advertised, so clients cannot find one by the metadata document']
  ] as const) t.strictSame(resolveConfig(given(extra)).warnings, [warning])
  t.end()
})

const fragment = 'must not have a fragment'
const refused: ReadonlyArray<readonly [Record<string, unknown>, string]> = [
  [{ resource: undefined }, '`resource` is required'],
  [{ resource: 'api.example.com' }, 'resource must be an absolute https URL, got "api.example.com". Did you mean "https://api.example.com"?'],
  [{ resource: 'http://api.example.com' }, 'resource must be https; http is allowed for loopback hosts only, got "http://api.example.com". For development in containers or a local network, set allowInsecureHttp'],
  [{ resource: 'https://h/#x' }, `resource ${fragment}, got "https://h/#x"`],
  [{ resource: 'https://u:secret@h' }, 'resource must not hold a user name or password, got "https://***@h"'],
  [{ resource: 'https://h/a/../b' }, 'resource must be written as clients send it (/b), got "https://h/a/../b"'],
  [{ resource: 'https://h/a?' }, 'resource must be written as clients send it (/a), got "https://h/a?"'],
  [{ resource: 'https://h?x=\'' }, 'resource must be written as clients send it (/?x=%27), got "https://h?x=\'"'],
  [{ authorizationServers: [] }, 'authorizationServers must be a non-empty array (of issuers), got []'],
  [{ authorizationServers: 'https://as' }, 'authorizationServers must be a non-empty array (of issuers), got "https://as"'],
  [{ realm: '' }, 'realm must be a non-empty string, got ""'],
  [{ realm: 'a\r\nb' }, 'realm must be text that a header can carry (RFC 9110 section 5.6.4), got "a\\r\\nb"'],
  [{ realm: '…' }, 'realm must be text that a header can carry (RFC 9110 section 5.6.4), got "…"'],
  [{ scopes: ['a'] }, 'scopes must be an object (name → description), got ["a"]'],
  [{ metadata: ['a'] }, 'metadata must be an object, got ["a"]'],
  [{ scopeImplies: 'x' }, 'scopeImplies must be a function, got "x"'],
  [{ metadataMaxAgeSeconds: NaN }, 'metadataMaxAgeSeconds must be an integer from 0 to 31536000, got NaN'],
  [{ metadataMaxAgeSeconds: -1 }, 'metadataMaxAgeSeconds must be an integer from 0 to 31536000, got -1'],
  [{ metadataMaxAgeSeconds: 3_600_000_000 }, 'metadataMaxAgeSeconds must be an integer from 0 to 31536000, got 3600000000'],
  [{ metadataMaxAgeSeconds: '1h' }, 'metadataMaxAgeSeconds must be an integer from 0 to 31536000, got "1h"'],
  [{ lookupTimeoutMs: 0 }, 'lookupTimeoutMs must be an integer from 1 to 60000, got 0'],
  [{ lookupTimeoutMs: 60_001 }, 'lookupTimeoutMs must be an integer from 1 to 60000, got 60001'],
  [{ clockToleranceSeconds: 5000 }, 'clockToleranceSeconds must be an integer from 0 to 300, got 5000'],
  [{ clockToleranceSeconds: Infinity }, 'clockToleranceSeconds must be an integer from 0 to 300, got Infinity'],
  [{ rootAlias: 'yes' }, 'rootAlias must be true or false, got "yes"'],
  [{ documentServedElsewhere: 1 }, 'documentServedElsewhere must be true or false, got 1'],
  [{ rootAlias: true, documentServedElsewhere: true }, 'rootAlias: true and documentServedElsewhere: true contradict each other; remove one'],
  [{ tokenCache: true }, 'tokenCache must be false or an object, got true'],
  [{ tokenCache: { maxEntries: 0 } }, 'tokenCache.maxEntries must be an integer of at least 1, got 0'],
  [{ tokenCache: { maxAge: 5 } }, 'tokenCache: unknown option "maxAge". Did you mean "maxAgeSeconds"?'],
  [{ discovery: { timeoutMs: 600_000 } }, 'discovery.timeoutMs must be an integer from 1 to 60000, got 600000'],
  [{ discovery: { maxBytes: 10 } }, 'discovery.maxBytes must be an integer of at least 1024, got 10'],
  [{ discovery: { timeout: 5 } }, 'discovery: unknown option "timeout". Did you mean "timeoutMs"?'],
  [{ fetch: 'x' }, 'fetch must be a function, got "x"'],
  [{ clock: () => 5 }, 'clock must be an object, got a function'],
  [{ clock: {} }, '`clock.now` is required'],
  [{ recource: 'https://h' }, 'unknown option "recource". Did you mean "resource"?'],
  [{ metadata: { resource: 'https://h' } }, 'metadata.resource follows from resource, got "https://h"'],
  [{ metadata: { resource_name: 'N', signed_metadata: 'x' } }, 'metadata.signed_metadata must be a compact JWS, got "x"']
]
for (const [extra, message] of refused) {
  test(`boot stops: ${message}`, t => {
    t.throws(() => resolveConfig(given(extra)), { name: 'OptionError', message })
    t.end()
  })
}

test('options that are no object', t => {
  for (const [value, shown] of [[undefined, 'undefined'], [null, 'null'], ['x', '"x"'], [[], '[]']] as const) {
    t.throws(() => resolveConfig(value), { message: `options must be an object, got ${shown}` })
  }
  t.throws(() => resolveConfig({ resource: 'https://h' }), { message: /^`authorizationServers` is required/ })
  t.end()
})

test('a fault that is nobody\'s option is not made one', t => {
  let times = 0
  const moody = {
    toJSON () {
      if (++times > 1) throw new RangeError('broken')
      return 'x'
    }
  }
  const metadata = { resource_name: 'N', moody }
  t.throws(() => resolveConfig(given({ metadata })), { name: 'RangeError', message: 'broken' })
  t.end()
})

test('what the challenge points at is the configured string and what is inserted, to the byte', t => {
  fc.assert(fc.property(identifierArbitrary, ({ origin, path, query }) => {
    const { config } = resolveConfig(given({ resource: origin + path + query }))
    const rest = path === '/' ? '' : path
    return config.metadataUrl === `${origin}/.well-known/oauth-protected-resource${rest}${query}` &&
      config.resource === origin + path + query && config.document.members.resource === config.resource
  }), { numRuns: 300 })
  t.end()
})
