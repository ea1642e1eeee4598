import { test } from 'tap'
import { createMcpPolicy } from '../../../lib/mcp/policy.ts'
import type { McpCall } from '../../../lib/mcp/messages.ts'
import type { AccessToken } from '../../../lib/token/access-token.ts'

const tokenWith = (...scopes: string[]): AccessToken => ({ scopes }) as unknown as AccessToken
const tool = (name: string): McpCall => ({ method: 'tools/call', params: { name } })
const prompt = (name: string): McpCall => ({ method: 'prompts/get', params: { name } })
const read = (uri: string): McpCall => ({ method: 'resources/read', params: { uri } })
const method = (name: string): McpCall => ({ method: name, params: {} })

const declared = {
  tools: { whoami: [], list: ['read'], copy: ['read', 'write'], remove: { scopes: ['write'] }, time: { public: true } },
  prompts: { brief: ['read'] },
  resources: { 'notes://': ['read'], 'notes://private/': ['read', 'admin'], 'notes://public/': { public: true } },
  methods: { 'logging/setLevel': ['admin'], 'prompts/get': ['prompts'] }
}

test('what a call needs and what the token grants is in the detail for the log, with the name of the tool', t => {
  const policy = createMcpPolicy(declared, null)
  const detailOf = (...calls: McpCall[]): unknown => {
    try {
      policy.check(calls, tokenWith('other'))
    } catch (error) {
      return (error as { detail: unknown }).detail
    }
  }
  const received = 'scope "other"'
  t.same(detailOf(tool('copy')), { expected: 'scope "read write" for tools/call "copy"', received })
  t.same(detailOf(tool('list'), method('logging/setLevel')), { expected: 'scope "read admin" for tools/call "list", logging/setLevel', received })
  t.same(detailOf(read('notes://private/1')), { expected: 'scope "read admin" for resources/read "notes://private/1"', received })
  t.end()
})

type Answer = 'pass' | { code: string, requiredScopes?: readonly string[] }
const missing = (...requiredScopes: string[]): Exclude<Answer, 'pass'> => ({ code: 'FST_OAUTH_TOKEN_MISSING', requiredScopes })
const insufficient = (...requiredScopes: string[]): Exclude<Answer, 'pass'> => ({ code: 'FST_OAUTH_SCOPE_INSUFFICIENT', requiredScopes })
const undeclared: Exclude<Answer, 'pass'> = { code: 'FST_OAUTH_MCP_TOOL_UNDECLARED' }
const undeclaredResource: Exclude<Answer, 'pass'> = { code: 'FST_OAUTH_MCP_RESOURCE_UNDECLARED' }
const complete = (ref: object): McpCall => ({ method: 'completion/complete', params: { ref } })

for (const [name, calls, scopes, answer] of [
  ['a tool that takes any token', [tool('whoami')], [], 'pass'],
  ['a tool and its scope', [tool('list')], ['read'], 'pass'],
  ['a tool without its scope', [tool('list')], [], insufficient('read')],
  ['everything that is needed is named', [tool('copy')], ['read'], insufficient('read', 'write')],
  ['the long form', [tool('remove')], ['read'], insufficient('write')],
  ['a public tool', [tool('time')], null, 'pass'],
  ['a public tool with a token', [tool('time')], [], 'pass'],
  ['a protected tool without a token', [tool('copy')], null, missing('read', 'write')],
  ['a tool that is not declared', [tool('other')], ['read', 'write', 'admin'], undeclared],
  ['a tool that is not declared, without a token', [tool('other')], null, missing()],
  ['a name that every object has', [tool('constructor')], [], undeclared],
  ['a name that every object has, too', [tool('__proto__')], [], undeclared],
  ['another spelling', [tool('List')], ['read'], undeclared],
  ['all of a batch', [tool('list'), tool('remove'), tool('time')], ['read'], insufficient('read', 'write')],
  ['all of a batch, whatever comes first', [tool('time'), tool('list')], null, missing('read')],
  ['one of a batch that is not declared', [tool('list'), tool('other')], ['read'], undeclared],
  ['one of a batch that is not declared, first', [tool('other'), tool('list')], ['read'], undeclared],
  ['a public batch', [tool('time'), method('ping')], null, 'pass'],
  ['no calls: answers to the server', [], null, 'pass'],
  ['the handshake', [method('initialize'), method('notifications/initialized'), method('notifications/cancelled'), method('server/discover'), method('ping')], null, 'pass'],
  ['a resource whose URI begins a protected one', [read('notes://p')], ['read'], 'pass'],
  ['the list of tools', [method('tools/list')], null, 'pass'],
  ['the list of resources', [method('resources/list'), method('resources/templates/list')], null, 'pass'],
  ['the list of prompts, none of which is public', [method('prompts/list')], null, missing()],
  ['a method that is not declared', [method('tasks/list')], null, missing()],
  ['a method that is not declared, with a token', [method('tasks/list')], [], 'pass'],
  ['a method', [method('logging/setLevel')], ['read'], insufficient('admin')],
  ['a prompt and its method', [prompt('brief')], [], insufficient('prompts', 'read')],
  ['a prompt that is not declared', [prompt('other')], ['prompts'], { code: 'FST_OAUTH_MCP_PROMPT_UNDECLARED' }],
  ['a resource', [read('notes://1')], [], insufficient('read')],
  ['the longest beginning wins', [read('notes://private/1')], ['read'], insufficient('read', 'admin')],
  ['the longest beginning wins, when it is public', [read('notes://public/1')], null, 'pass'],
  ['a resource that is not declared', [read('other:1')], ['read', 'admin'], undeclaredResource],
  ['a resource that is not declared, without a token', [read('other:1')], null, missing()],
  ['a resource that is no URI', [read('1')], [], undeclaredResource],
  ['a subscription', [{ method: 'resources/subscribe', params: { uri: 'notes://1' } }], [], insufficient('read')],
  ['a subscription of MCP 2026-07-28', [{ method: 'subscriptions/listen', params: { notifications: { resourceSubscriptions: ['notes://public/1', 'notes://private/1'] } } }], [], insufficient('read', 'admin')],
  ['completion of a prompt', [complete({ type: 'ref/prompt', name: 'brief' })], [], insufficient('read')],
  ['completion of a prompt that is not declared', [complete({ type: 'ref/prompt', name: 'other' })], [], { code: 'FST_OAUTH_MCP_PROMPT_UNDECLARED' }],
  ['completion of a template', [complete({ type: 'ref/resource', uri: 'notes://private/{id}' })], ['read'], insufficient('read', 'admin')],
  ['completion of a public template', [complete({ type: 'ref/resource', uri: 'notes://public/{id}' })], null, 'pass'],
  ['completion of a template that may lead to several', [complete({ type: 'ref/resource', uri: 'notes://{folder}/{id}' })], ['read'], insufficient('read', 'admin')],
  ['completion of a template that goes on within a name', [complete({ type: 'ref/resource', uri: 'notes://priv{rest}' })], ['read'], insufficient('read', 'admin')],
  ['completion of a template that is not declared', [complete({ type: 'ref/resource', uri: 'other://{id}' })], [], undeclaredResource]
] as ReadonlyArray<readonly [string, readonly McpCall[], readonly string[] | null, Answer]>) {
  test(`policy: ${name}`, t => {
    const policy = createMcpPolicy(declared, null)
    const check = (): void => policy.check(calls, scopes === null ? null : tokenWith(...scopes))
    if (answer === 'pass') t.doesNotThrow(check)
    else {
      const refusal = t.throws(check, answer) as { requiredScopes?: readonly string[] }
      if (answer.requiredScopes !== undefined) t.strictSame(refusal.requiredScopes, answer.requiredScopes, 'these scopes and no others')
    }
    t.end()
  })
}

const spelled = {
  resources: {
    'file:///public/': { public: true }, 'file:///secret/': ['admin'], 'https://a.example/public/': { public: true }, 'https://a.example/private/': ['admin'],
    'notes://my%20notes/': ['admin']
  }
}

for (const uri of [
  'file:///secret/x', 'file:///public/../secret/x', 'file:///%73ecret/x', 'file:////secret/x', 'file:///secret%2fx', 'file:///secret%2Fx', 'file:///./secret/x',
  'FILE:///secret/x', 'file:///secret\\x', 'file:///%2573ecret/x', 'file://localhost/secret/x', 'file:/secret/x', 'file:secret/x', 'file:///secret%2f%ff', 'file:///public/%2e%2e%2fsecret/x',
  'file:///public%2f..%2fsecret/x', 'fi\nle:///secret/x', 'https://a.example/public/../private/1', 'https://a.example/public/%2e%2E/private/1',
  'https://a.example/public\\..\\private/1', 'HTTPS://A.Example/private/1', 'https://a.example:443/private/1', 'https://a@a.example/private/1', 'https://a.example//private/1',
  'notes://my%20notes/1', 'notes://my notes/1', 'NOTES://My%20Notes/1', 'notes:///my%20notes/1', 'notes://my%20notes/1?path=/../x#/..'
]) {
  test(`RFC 3986 section 6: ${JSON.stringify(uri)} needs what its normalized form needs`, t => {
    const policy = createMcpPolicy({ ...spelled, undeclaredResources: 'token' }, null)
    t.throws(() => policy.check([read(uri)], tokenWith()), insufficient('admin'))
    t.doesNotThrow(() => policy.check([read(uri)], tokenWith('admin')))
    t.throws(() => createMcpPolicy(spelled, null).check([read(uri)], tokenWith()), Error)
    t.end()
  })
}

test('policy: a resource is as public as the strictest reading of its URI', t => {
  const policy = createMcpPolicy(spelled, null)
  t.doesNotThrow(() => policy.check([read('https://a.example/public/./1')], null))
  t.doesNotThrow(() => policy.check([read('HTTPS://A.example/public/a%20b?c=../d')], null), 'scheme and host have no case')
  t.throws(() => policy.check([read('https://a.example/other/../public/1')], tokenWith('admin')), undeclaredResource, 'one reading is not declared')
  t.throws(() => policy.check([read('https://a.example/public/../private/1')], null), missing('admin'))
  t.end()
})

test('policy: percent-encoding that is nested without end is refused, also where undeclared resources take any token', t => {
  const policy = createMcpPolicy({ undeclaredResources: 'token' }, null)
  t.throws(() => policy.check([read(`file:///%${'25'.repeat(100_000)}73ecret`)], tokenWith()), undeclaredResource)
  for (const uri of ['file:///%252525252573ecret', 'file:///%\n252525252573ecret']) t.throws(() => policy.check([read(uri)], tokenWith()), undeclaredResource)
  t.end()
})

test('policy: two beginnings that differ in nothing but case both count', t => {
  const policy = createMcpPolicy({ resources: { 'notes://A/': ['a'], 'notes://a/': ['b'] } }, null)
  t.throws(() => policy.check([read('notes://a/1')], tokenWith()), insufficient('a', 'b'))
  t.end()
})

for (const [option, call, code] of [
  ['undeclaredPrompts', prompt('other'), 'FST_OAUTH_MCP_PROMPT_UNDECLARED'],
  ['undeclaredResources', read('other:1'), 'FST_OAUTH_MCP_RESOURCE_UNDECLARED'],
  ['undeclaredResources', complete({ type: 'ref/resource', uri: 'other:{id}' }), 'FST_OAUTH_MCP_RESOURCE_UNDECLARED']
] as const) {
  test(`policy: ${option} decides about ${call.method} of what is not declared`, t => {
    for (const refuse of [{}, { [option]: 'refuse' }]) t.throws(() => createMcpPolicy(refuse, null).check([call], tokenWith()), { code, statusCode: 403 })
    const policy = createMcpPolicy({ [option]: 'token', tools: { time: { public: true } } }, null)
    t.doesNotThrow(() => policy.check([call], tokenWith()))
    t.throws(() => policy.check([call], null), missing(), 'and is never public')
    t.end()
  })
}

test('policy: a refusal of what is not declared names it, and tells the log how to declare it', t => {
  const policy = createMcpPolicy({}, null)
  const refusal = (call: McpCall): unknown => {
    try {
      policy.check([call], tokenWith())
    } catch (error) {
      return error
    }
  }
  t.match(refusal(tool('x')), {
    message: 'Tool "x" is not available',
    detail: { expected: 'a tool that mcp.tools declares', received: '"x"', fix: "declare it in mcp.tools, or let any valid token through with mcp.undeclaredTools: 'token'" }
  })
  t.match(refusal(prompt('x')), { message: 'Prompt "x" is not available' })
  t.match(refusal(read('x:y')), { message: 'Resource "x:y" is not available', detail: { expected: 'a resource that mcp.resources declares' } })
  t.match(refusal(complete({ type: 'ref/resource', uri: 'x:{y}' })), { message: 'Resource template "x:{y}" is not available', detail: { fix: /mcp\.undeclaredResources/ } })
  const { message } = refusal(tool(`\u0007${'x'.repeat(1000)}`)) as Error
  t.ok(message.length < 300 && !message.includes('\u0007'), 'a name that a stranger sent is cut, without control characters')
  t.end()
})

test('policy: nothing is public unless something is', t => {
  const policy = createMcpPolicy({ tools: { whoami: [] } }, null)
  t.equal(policy.hasPublic, false)
  for (const name of ['initialize', 'server/discover', 'ping', 'tools/list']) t.throws(() => policy.check([method(name)], null), missing())
  t.throws(() => createMcpPolicy({}, null).check([tool('whoami')], tokenWith()), undeclared, 'without declarations there are no tools')
  t.end()
})

test('policy: what is public of one kind does not open the lists of the others', t => {
  for (const [options, list] of [
    [{ tools: { a: { public: true } } }, 'tools/list'],
    [{ prompts: { a: { public: true } } }, 'prompts/list'],
    [{ resources: { a: { public: true } } }, 'resources/list'],
    [{ methods: { 'tasks/list': { public: true } } }, 'tasks/list']
  ] as const) {
    const policy = createMcpPolicy(options, null)
    t.equal(policy.hasPublic, true)
    t.doesNotThrow(() => policy.check([method('initialize')], null))
    for (const name of ['tools/list', 'prompts/list', 'resources/list', 'tasks/list']) {
      if (name === list) t.doesNotThrow(() => policy.check([method(name)], null), name)
      else t.throws(() => policy.check([method(name)], null), missing(), name)
    }
  }
  t.end()
})

test('policy: undeclared tools that take any token are never public', t => {
  const policy = createMcpPolicy({ undeclaredTools: 'token', tools: { time: { public: true } } }, null)
  t.doesNotThrow(() => policy.check([tool('other')], tokenWith()))
  t.throws(() => policy.check([tool('other')], null), missing())
  t.same([policy.mayCall('other', null), policy.mayCall('other', tokenWith())], [false, true])
  t.end()
})

test('policy: a scope that covers another counts, and the challenge names what is needed', t => {
  const policy = createMcpPolicy(declared, (granted, required) => granted === 'admin' && required === 'read')
  t.doesNotThrow(() => policy.check([tool('list')], tokenWith('admin')))
  t.throws(() => policy.check([tool('copy')], tokenWith('admin')), insufficient('read', 'write'))
  t.equal(policy.mayCall('list', tokenWith('admin')), true)
  t.end()
})

for (const [name, accessToken, visible] of [
  ['a request without a token', null, ['time']],
  ['any token', tokenWith(), ['whoami', 'time']],
  ['a scope', tokenWith('read'), ['whoami', 'list', 'time']]
] as const) {
  test(`policy: the tools that ${name} may call`, t => {
    const policy = createMcpPolicy(declared, null)
    t.same([...Object.keys(declared.tools), 'other'].filter(one => policy.mayCall(one, accessToken)), visible)
    t.end()
  })
}

test('policy: every scope is listed with an option that requires it', t => {
  const { requiredScopes } = createMcpPolicy(declared, null)
  t.same([...requiredScopes.keys()].sort(), ['admin', 'prompts', 'read', 'write'])
  t.equal(requiredScopes.get('prompts'), 'mcp.methods["prompts/get"]')
  t.end()
})

test('policy: the scopes of calls, for a challenge', t => {
  const policy = createMcpPolicy(declared, null)
  t.same(policy.scopesOf([tool('copy'), prompt('brief')]), ['read', 'write', 'prompts'])
  for (const calls of [[], [tool('time')], [tool('whoami')], [tool('other')], [{ method: 'tools/call', params: {} }]]) t.same(policy.scopesOf(calls), [])
  t.end()
})

test('policy: scopes by the arguments of a call [F93]', t => {
  const seen: unknown[] = []
  const policy = createMcpPolicy({
    tools: {
      transfer: {
        scopes: ['transfer'],
        scopesFor (given) {
          seen.push(given)
          return Number(given.amount) > 1000 ? ['transfer:large'] : []
        }
      }
    }
  }, null)
  const transfer = (given: unknown): McpCall => ({ method: 'tools/call', params: { name: 'transfer', arguments: given } })
  t.doesNotThrow(() => policy.check([transfer({ amount: 1 })], tokenWith('transfer')))
  t.throws(() => policy.check([transfer({ amount: 2000 })], tokenWith('transfer')), insufficient('transfer', 'transfer:large'))
  t.throws(() => policy.check([transfer({ amount: 1 }), transfer({ amount: 2000 })], null), missing('transfer', 'transfer:large'))
  t.doesNotThrow(() => policy.check([transfer({ amount: 2000 })], tokenWith('transfer', 'transfer:large')))
  t.same(policy.scopesOf([transfer({ amount: 2000 })]), ['transfer', 'transfer:large'])
  for (const none of [undefined, null, [], 'x']) policy.check([transfer(none)], tokenWith('transfer'))
  t.same(seen.slice(-4), [{}, {}, {}, {}], 'arguments that are not an object count as none')
  t.equal(policy.mayCall('transfer', tokenWith('transfer')), true)
  t.end()
})

for (const [name, scopesFor] of [
  ['throws', () => { throw new Error('broken') }], ['returns nothing', () => undefined], ['returns no scope', () => ['a b']], ['returns a number', () => [5]], ['returns a promise', async () => []]
] as const) {
  test(`policy: scopesFor that ${name} makes the response 503 [F93]`, t => {
    const policy = createMcpPolicy({ tools: { a: { scopesFor: scopesFor as () => string[] } } }, null)
    t.throws(() => policy.check([tool('a')], tokenWith()), { code: 'FST_OAUTH_UNAVAILABLE', reason: 'policy_unavailable', cause: Error, detail: { expected: 'an answer of mcp.tools["a"].scopesFor, at once' } })
    t.same(policy.scopesOf([tool('a')]), [])
    t.end()
  })
}

test('policy: the security schemes of a tool [F92]', t => {
  const policy = createMcpPolicy(declared, null)
  t.same(policy.securitySchemesOf('time'), [{ type: 'noauth' }])
  t.same(policy.securitySchemesOf('copy'), [{ type: 'oauth2', scopes: ['read', 'write'] }])
  t.same(policy.securitySchemesOf('whoami'), [{ type: 'oauth2', scopes: [] }])
  t.same(policy.securitySchemesOf('other'), [])
  t.end()
})

test('scopesFor of a tool does not apply to a prompt of its name', t => {
  const policy = createMcpPolicy({ tools: { a: { scopes: [], scopesFor: () => ['write'] } }, prompts: { a: [] } }, null)
  t.throws(() => policy.check([tool('a')], tokenWith(), null), { code: 'FST_OAUTH_SCOPE_INSUFFICIENT' })
  t.doesNotThrow(() => policy.check([prompt('a')], tokenWith(), null))
  t.end()
})
