import { SignJWT, generateKeyPair } from 'jose'
import { test } from 'tap'
import type { ResourceLookup } from '../../../../lib/client/discovery/resource-discovery.ts'
import { discoverResource } from '../../../../lib/client/discovery/resource-discovery.ts'
import { authorizationErrorTable } from '../../../../lib/errors/authorization-error.ts'
import { failed } from '../../../support/failed.ts'
import { createFakeOAuth } from '../../../support/fake-oauth.ts'
import { never } from '../../../support/issuer.ts'
import { outboundTo } from '../../../support/outbound.ts'

const url = 'https://mcp.example.com/a/mcp'
const pointer = 'https://mcp.example.com/elsewhere'
const atPath = 'https://mcp.example.com/.well-known/oauth-protected-resource/a/mcp'
const atRoot = 'https://mcp.example.com/.well-known/oauth-protected-resource'
const question: ResourceLookup = { url, pointer: null, match: 'prefix', trust: null }
const document = { resource: url, authorization_servers: ['https://login.example.com'] }

/** Documents by URL; what is a number is a status without one. */
function world (documents: Record<string, unknown>): { ask: (changes?: Partial<ResourceLookup>) => ReturnType<typeof discoverResource>, log: () => string[] } {
  const fake = createFakeOAuth({ resource: 'https://unused.example.com' })
  for (const [place, answer] of Object.entries(documents)) {
    fake.answer(place, () => {
      if (typeof answer === 'number') return new Response('', { status: answer, headers: { location: 'https://mcp.example.com/other' } })
      return typeof answer === 'string' ? new Response(answer) : Response.json(answer)
    })
  }
  return { ask: async changes => await discoverResource({ ...question, ...changes }, outboundTo(fake)), log: fake.log }
}

test('RFC 9728 3.1: the URLs of the metadata document, in the order of the search [MCPC-01 MCPC-03]', async t => {
  const everywhere = { [pointer]: document, [atPath]: document, [atRoot]: document }
  const cases: Array<[object, string | null, string[]]> = [
    [everywhere, pointer, [pointer]],
    [everywhere, null, [atPath]],
    [{ [atRoot]: document }, null, [atPath, atRoot]],
    [{ [atRoot]: document }, pointer, [pointer, atPath, atRoot]],
    [everywhere, atRoot, [atRoot]]
  ]
  for (const [documents, hint, asked] of cases) {
    const { ask, log } = world(documents as Record<string, unknown>)
    t.equal((await ask({ pointer: hint })).resource, url)
    t.same(log(), asked.map(place => `GET ${place}`))
  }
})

test('a resource without a path has one place, a query stays with the path (MCPC-03)', async t => {
  const bare = world({})
  await t.rejects(bare.ask({ url: 'https://mcp.example.com/' }), failed('FST_OAUTH_RESOURCE_METADATA_MISSING'))
  t.same(bare.log(), [`GET ${atRoot}`])
  const asked = world({})
  await t.rejects(asked.ask({ url: 'https://mcp.example.com/a?tenant=1' }), failed('FST_OAUTH_RESOURCE_METADATA_MISSING'))
  t.same(asked.log(), [`GET ${atRoot}/a?tenant=1`, `GET ${atRoot}`])
})

test('a missing, redirected or non-JSON metadata document is skipped [MCPC-04]', async t => {
  for (const answer of [400, 401, 403, 404, 405, 410, 302, 500, 503, '<html>', '[]', 'null', '{']) {
    const { ask, log } = world({ [pointer]: answer, [atPath]: answer, [atRoot]: document })
    t.equal((await ask({ pointer })).resource, url, String(answer))
    t.same(log(), [`GET ${pointer}`, `GET ${atPath}`, `GET ${atRoot}`])
  }
})

test('if no document is found, outages have another error code than missing documents', async t => {
  await t.rejects(world({}).ask(), failed('FST_OAUTH_RESOURCE_METADATA_MISSING', { message: `${authorizationErrorTable.FST_OAUTH_RESOURCE_METADATA_MISSING.message}: "${atPath}" status, "${atRoot}" status` }))
  for (const status of [500, 503, 429]) {
    await t.rejects(world({ [atPath]: status }).ask(), failed('FST_OAUTH_SERVER_UNAVAILABLE'), String(status))
  }
  const fake = createFakeOAuth()
  fake.answer(atPath, () => { throw new Error('connection refused') })
  await t.rejects(discoverResource(question, outboundTo(fake)), failed('FST_OAUTH_SERVER_UNAVAILABLE'))
})

test('limits of time and size hold', async t => {
  const fake = createFakeOAuth()
  fake.answer(atPath, async () => await never({}))
  fake.answer(atRoot, () => Response.json({ ...document, filler: 'x'.repeat(2000) }))
  await t.rejects(discoverResource(question, outboundTo(fake, { timeoutMs: 20, maxBytes: 1000 })), failed('FST_OAUTH_SERVER_UNAVAILABLE', { message: /timeout.*too_large/ }))
})

test('RFC 9728 3.3: a document about another resource ends the search [MCPC-05 R9728-53 R9728-54 C-2]', async t => {
  for (const resource of ['https://evil.example.com/a/mcp', 'https://mcp.example.com/b', 'https://mcp.example.com/a/mcp/deeper', 'http://mcp.example.com/a/mcp', 'javascript:alert(1)', '', 42, null, undefined, [url]]) {
    const { ask, log } = world({ [atPath]: { ...document, resource }, [atRoot]: document })
    await t.rejects(ask(), failed('FST_OAUTH_RESOURCE_MISMATCH'), String(resource))
    t.equal(log().length, 1, 'and nothing else is asked')
  }
  const { ask } = world({ [atPath]: { ...document, resource: 'https://evil.example.com/a?key=1' } })
  await t.rejects(ask(), failed('FST_OAUTH_RESOURCE_MISMATCH', { message: `${authorizationErrorTable.FST_OAUTH_RESOURCE_MISMATCH.message}: "https://evil.example.com/a"` }))
})

test('a resource whose path is a prefix of the URL is accepted, unless exact is required [C-2]', async t => {
  const { ask } = world({ [atPath]: { ...document, resource: 'https://mcp.example.com/a' } })
  t.equal((await ask()).resource, 'https://mcp.example.com/a')
  await t.rejects(ask({ match: 'exact' }), failed('FST_OAUTH_RESOURCE_MISMATCH'))
})

test('the resource identifier is used exactly as the document writes it [C-1 T-01]', async t => {
  const { ask } = world({ [atPath]: { ...document, resource: 'https://mcp.example.com' } })
  t.equal((await ask()).resource, 'https://mcp.example.com')
})

test('what a document says, and what it should not have said (R9728-37)', async t => {
  const { ask } = world({
    [atPath]: { ...document, authorization_servers: ['https://a.example', 7, 'https://b.example'], scopes_supported: ['read', null, 'write'], dpop_bound_access_tokens_required: true, surprise: { a: 1 } }
  })
  t.match(await ask(), { authorizationServers: ['https://a.example', 'https://b.example'], scopesSupported: ['read', 'write'], needsProof: true, document: { surprise: { a: 1 } } })
  const bare = await world({ [atPath]: { resource: url, scopes_supported: 'read' } }).ask()
  t.match(bare, { authorizationServers: [], scopesSupported: null, needsProof: false })
})

test('a resource_metadata URL in a private network ends the search [MCPC-28 T-32]', async t => {
  for (const inside of ['https://169.254.169.254/latest', 'http://localhost:8080/', 'https://127.1/', 'file:///etc/passwd', 'gopher://x']) {
    const { ask, log } = world({ [atPath]: document })
    await t.rejects(ask({ pointer: inside }), failed('FST_OAUTH_ADDRESS_REFUSED'), inside)
    t.same(log(), [])
  }
})

test('a refused address that the fetch wrapped in another error is still reported as refused [MCPC-28]', async t => {
  const { AuthorizationError } = await import('../../../../lib/errors/authorization-error.ts')
  const fake = createFakeOAuth()
  fake.answer(atPath, () => { throw new AuthorizationError('FST_OAUTH_ADDRESS_REFUSED') })
  await t.rejects(discoverResource(question, outboundTo(fake)), failed('FST_OAUTH_ADDRESS_REFUSED'))
})

test('signed metadata (R9728-40, R9728-41)', async t => {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const sign = async (payload: Record<string, unknown>, key = privateKey): Promise<string> =>
    await new SignJWT(payload).setProtectedHeader({ alg: 'ES256' }).sign(key)
  const trust = { issuer: 'https://signer.example', key: publicKey }
  const signedMembers = { iss: 'https://signer.example', resource: url, authorization_servers: ['https://signed.example'] }
  const withSignature = (signed: unknown) => world({ [atPath]: { ...document, signed_metadata: signed } })

  t.same((await withSignature(await sign(signedMembers)).ask({ trust })).authorizationServers, ['https://signed.example'], 'what is signed wins')
  t.same((await withSignature(await sign(signedMembers)).ask()).authorizationServers, document.authorization_servers, 'without trust it is passed over')
  t.same((await world({ [atPath]: document }).ask({ trust })).authorizationServers, document.authorization_servers, 'it need not be there')
  const { privateKey: foreign } = await generateKeyPair('ES256')
  for (const [why, signed] of Object.entries({
    'a foreign key': await sign(signedMembers, foreign),
    'another issuer': await sign({ ...signedMembers, iss: 'https://evil.example' }),
    'no issuer': await sign({ resource: url }),
    nested: await sign({ ...signedMembers, signed_metadata: 'x' }),
    'no JWT': 'x',
    'no string': 7
  })) await t.rejects(withSignature(signed).ask({ trust }), failed('FST_OAUTH_SIGNED_METADATA_INVALID'), why)
  await t.rejects(withSignature(await sign({ ...signedMembers, signed_metadata: 'x' })).ask({ trust }), failed('FST_OAUTH_SIGNED_METADATA_INVALID', {
    message: `${authorizationErrorTable.FST_OAUTH_SIGNED_METADATA_INVALID.message}: signed_metadata must not contain signed_metadata`
  }), 'the message says what is wrong')
})
