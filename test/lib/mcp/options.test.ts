import { test } from 'tap'
import { OptionError } from '../../../lib/errors/errors.ts'
import { checkMcpOptions, parseRequirement } from '../../../lib/mcp/options.ts'

for (const [given, message] of [
  [{ tool: {} }, 'mcp: unknown option "tool". Did you mean "tools"?'],
  [{ tools: { a: 'read' } }, /^mcp\.tools\.a must be an array or an object, got "read"/],
  [{ tools: { a: { scope: [] } } }, /mcp\.tools\.a/],
  [{ tools: { a: [1] } }, /mcp\.tools\.a\[0\]/],
  [{ tools: { a: [''] } }, 'mcp.tools.a[0] must be a non-empty string, got ""'],
  [{ allowedOrigins: [''] }, 'mcp.allowedOrigins[0] must be a non-empty string, got ""'],
  [{ tools: { a: ['b c'] } }, 'mcp.tools["a"]: "b c" is not a scope of a resource'],
  [{ prompts: { a: ['offline_access'] } }, 'mcp.prompts["a"]: "offline_access" is not a scope of a resource'],
  [{ resources: { 'a:': { scopes: ['"'] } } }, 'mcp.resources["a:"]: "\\"" is not a scope of a resource'],
  [{ methods: { a: { public: true, scopes: ['b'] } } }, 'mcp.methods["a"]: public: true and scopes contradict each other; remove one'],
  [{ methods: { 'tools/call': [] } }, 'mcp.methods["tools/call"] would hold for every tool; declare each tool in mcp.tools'],
  [{ resources: { 'notes://{id}': [] } }, 'mcp.resources["notes://{id}"] is a URI template; declare how its URIs begin: "notes://"'],
  [{ resources: { 'notes://a}': [] } }, /is a URI template; declare how its URIs begin: "notes:\/\/a"/],
  [{ resources: { 'a:%2525252525': [] } }, 'mcp.resources["a:%2525252525"]: percent-encoding is nested too deep; declare the URI as clients write it'],
  [{ tools: { a: { public: true, scopesFor: () => [] } } }, 'mcp.tools["a"]: public: true and scopesFor contradict each other; remove one'],
  [{ prompts: { a: { scopesFor: () => [] } } }, 'mcp.prompts["a"]: scopesFor is for tools, whose calls have arguments'],
  [{ tools: { a: { scopesFor: ['a'] } } }, /mcp\.tools\.a/],
  [{ toolChallenges: 'meta' }, /mcp\.toolChallenges/],
  [{ undeclaredPrompts: 1 }, /mcp\.undeclaredPrompts/],
  [{ undeclaredResources: 'public' }, 'mcp.undeclaredResources must be one of "refuse", "token", got "public"'],
  [{ undeclaredTools: 'public' }, 'mcp.undeclaredTools must be one of "refuse", "token", got "public"'],
  [{ allowedOrigins: ['*'] }, 'mcp.allowedOrigins has "*", which no request matches: wildcards are not supported; list each origin'],
  [{ allowedOrigins: ['https://*.example.com'] }, /has "https:\/\/\*\.example\.com", which no request matches/],
  [{ allowedOrigins: ['null'] }, 'mcp.allowedOrigins has "null"; expected an origin as browsers send it, such as https://app.example.com'],
  [{ allowedOrigins: ['tauri://localhost/'] }, /expected an origin/],
  [{ allowedOrigins: ['file://'] }, /expected an origin/],
  [{ allowedOrigins: ['https://a.example/'] }, /has "https:\/\/a\.example\/"; expected an origin/],
  [{ allowedOrigins: ['https://A.example'] }, /has "https:\/\/A\.example"/],
  [{ allowedOrigins: ['https://a.example:443'] }, /has "https:\/\/a\.example:443"/],
  [{ sessions: { bind: () => '' } }, /`mcp\.sessions\.ownerOf` is required/],
  [{ unknownSessions: 'maybe' }, /mcp\.unknownSessions must be one of "pass", "refuse"/]
] as const) {
  test(`an option that makes no sense: ${String(message)}`, t => {
    t.throws(() => checkMcpOptions(given), message instanceof RegExp ? { message, name: 'OptionError' } : new OptionError(message))
    t.end()
  })
}

test('options that make sense', t => {
  for (const options of [
    {},
    { tools: { a: [], b: ['x'], c: { scopes: ['x'] }, d: { public: true }, e: {}, constructor: [] }, undeclaredTools: 'token', undeclaredPrompts: 'refuse', undeclaredResources: 'token' },
    { tools: { a: { scopes: ['x'], scopesFor: () => ['y'] } } },
    { toolChallenges: 'http' },
    { toolChallenges: 'result' },
    { allowedOrigins: [] },
    { allowedOrigins: ['https://a.example', 'http://localhost:6274'], unknownSessions: 'refuse' },
    { allowedOrigins: ['chrome-extension://abcdefghijklmnop', 'tauri://localhost', 'vscode-file://vscode-app', 'app://obsidian.md'] },
    { sessions: { bind: () => '', ownerOf: () => null } }
  ]) t.equal(checkMcpOptions(options), options)
  t.end()
})

for (const [rule, read] of [
  [[], { scopes: [], isPublic: false, scopesFor: null }],
  [['a', 'b'], { scopes: ['a', 'b'], isPublic: false, scopesFor: null }],
  [{}, { scopes: [], isPublic: false, scopesFor: null }],
  [{ scopes: ['a'] }, { scopes: ['a'], isPublic: false, scopesFor: null }],
  [{ public: true }, { scopes: [], isPublic: true, scopesFor: null }],
  [{ public: false, scopes: ['a'] }, { scopes: ['a'], isPublic: false, scopesFor: null }]
] as const) {
  test(`the requirement ${JSON.stringify(rule)}`, t => {
    t.same(parseRequirement(rule), read)
    t.end()
  })
}
