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

type Answer = 'pass' | { code: string, requiredScopes?: readonly string[] }
const missing = (...requiredScopes: string[]): Exclude<Answer, 'pass'> => ({ code: 'FST_OAUTH_TOKEN_MISSING', requiredScopes })
const insufficient = (...requiredScopes: string[]): Exclude<Answer, 'pass'> => ({ code: 'FST_OAUTH_SCOPE_INSUFFICIENT', requiredScopes })
const undeclared: Exclude<Answer, 'pass'> = { code: 'FST_OAUTH_MCP_TOOL_UNDECLARED' }

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
  ['the handshake', [method('initialize'), method('server/discover'), method('ping')], null, 'pass'],
  ['the list of tools', [method('tools/list')], null, 'pass'],
  ['the list of resources', [method('resources/list'), method('resources/templates/list')], null, 'pass'],
  ['the list of prompts, none of which is public', [method('prompts/list')], null, missing()],
  ['a method that nobody declared', [method('completion/complete')], null, missing()],
  ['a method that nobody declared, with a token', [method('completion/complete')], [], 'pass'],
  ['a method', [method('logging/setLevel')], ['read'], insufficient('admin')],
  ['a prompt and its method', [prompt('brief')], [], insufficient('prompts', 'read')],
  ['a prompt that is not declared', [prompt('other')], ['prompts'], 'pass'],
  ['a resource', [read('notes://1')], [], insufficient('read')],
  ['the longest beginning wins', [read('notes://private/1')], ['read'], insufficient('read', 'admin')],
  ['the longest beginning wins, when it is public', [read('notes://public/1')], null, 'pass'],
  ['dots do not lead out of an authority', [read('notes://public/../private/1')], null, 'pass'],
  ['a resource that is not declared', [read('other:1')], null, missing()],
  ['a resource that is no URI', [read('1')], [], 'pass'],
  ['a subscription', [{ method: 'resources/subscribe', params: { uri: 'notes://1' } }], [], insufficient('read')]
] as ReadonlyArray<readonly [string, readonly McpCall[], readonly string[] | null, Answer]>) {
  test(`policy: ${name}`, t => {
    const policy = createMcpPolicy(declared, null)
    const check = (): void => policy.check(calls, scopes === null ? null : tokenWith(...scopes))
    if (answer === 'pass') t.doesNotThrow(check)
    else t.throws(check, answer)
    t.end()
  })
}

test('policy: a resource needs what each of its spellings needs', t => {
  const policy = createMcpPolicy({ resources: { 'https://a.example/public/': { public: true }, 'https://a.example/private/': ['admin'] } }, null)
  for (const uri of ['https://a.example/public/../private/1', 'https://a.example/public/%2e%2E/private/1', 'https://a.example/public\\..\\private/1']) {
    t.throws(() => policy.check([read(uri)], null), missing('admin'), uri)
  }
  t.doesNotThrow(() => policy.check([read('https://a.example/public/./1')], null))
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
    [{ methods: { 'completion/complete': { public: true } } }, 'completion/complete']
  ] as const) {
    const policy = createMcpPolicy(options, null)
    t.equal(policy.hasPublic, true)
    t.doesNotThrow(() => policy.check([method('initialize')], null))
    for (const name of ['tools/list', 'prompts/list', 'resources/list', 'completion/complete']) {
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
  ['nobody', null, ['time']],
  ['any token', tokenWith(), ['whoami', 'time']],
  ['a scope', tokenWith('read'), ['whoami', 'list', 'time']]
] as const) {
  test(`policy: what ${name} may call`, t => {
    const policy = createMcpPolicy(declared, null)
    t.same([...Object.keys(declared.tools), 'other'].filter(one => policy.mayCall(one, accessToken)), visible)
    t.end()
  })
}

test('policy: knows the scopes that it asks for', t => {
  t.same([...createMcpPolicy(declared, null).scopes].sort(), ['admin', 'prompts', 'read', 'write'])
  t.end()
})
