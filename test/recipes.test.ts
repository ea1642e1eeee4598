import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import { test } from 'tap'
import type { IssuerOptions } from '../lib/config/issuer.ts'
import type { PresetName } from '../lib/config/presets.ts'
import { textOfDocument } from './support/documents.ts'
import { accepted, answerOf, createTestServer, invalidToken } from './support/server.ts'
import type { Fields } from './support/vendor-tokens.ts'
import { vendors } from './support/vendor-tokens.ts'

/** A recipe of docs/issuers.md: the heading it stands under, what its snippet exports, and which tokens of the product are for it. */
interface Recipe {
  readonly heading: string
  readonly name: string
  readonly product: PresetName
  readonly accepts?: (claims: Fields) => boolean
}

const recipes: readonly Recipe[] = [
  { heading: 'Microsoft Entra ID', name: 'entra', product: 'entra' },
  { heading: 'Auth0', name: 'auth0', product: 'auth0' },
  { heading: 'Keycloak', name: 'keycloak', product: 'keycloak' },
  { heading: 'Okta', name: 'okta', product: 'okta' },
  { heading: 'Amazon Cognito', name: 'cognito', product: 'cognito' },
  { heading: 'WorkOS AuthKit', name: 'sessions', product: 'workos' },
  { heading: 'WorkOS AuthKit', name: 'connect', product: 'workos', accepts: ({ aud }) => aud !== undefined },
  { heading: 'Clerk', name: 'sessions', product: 'clerk' },
  { heading: 'Google', name: 'google', product: 'google', accepts: ({ email }) => email !== undefined },
  { heading: 'Supabase', name: 'supabase', product: 'supabase' }
]

function snippetUnder (heading: string): string {
  const section = textOfDocument('docs/issuers.md').split(`\n### ${heading}\n`)[1] ?? ''
  return /```ts\n([^]*?)```/.exec(section.split('\n### ')[0]!)?.[1] ?? ''
}

/** The audience of the product's tokens becomes that of the recipe, wherever it stands. */
function withAudience (value: unknown, from: string | undefined, to: string): unknown {
  if (value === from && from !== undefined) return to
  if (Array.isArray(value)) return value.map(item => withAudience(item, from, to))
  return value
}

for (const { heading, name, product, accepts = () => true } of recipes) {
  test(`the recipe "${name}" for ${heading} accepts access tokens of the product, and refuses its ID tokens and others (F105)`, async t => {
    const folder = t.testdir({ 'recipe.ts': snippetUnder(heading) })
    const module = await import(pathToFileURL(join(folder, 'recipe.ts')).href) as Record<string, IssuerOptions>
    const { issuer, ...rule } = module[name]!
    const { header, accessTokens, otherTokens, alg = 'RS256', ...vendor } = vendors[product]
    const server = await createTestServer(t, { issuer: { issuer, alg }, rule })
    if (rule.jwksUri !== undefined) server.issuer.answer(rule.jwksUri, () => Response.json({ keys: server.issuer.keys.map(key => key.publicJwk) }))
    const [audience = 'https://api.example.com'] = [rule.audience ?? []].flat()
    const token = (claims: Fields): Promise<string> => server.issuer.token(
      Object.fromEntries(Object.entries(claims).map(([key, value]) => [key, withAudience(value, vendor.audience ?? 'https://api.example.com', audience)])), header)
    for (const [title, claims] of Object.entries(accessTokens)) {
      t.strictSame(answerOf(await server.get(await token(claims))), accepts(claims) ? accepted : invalidToken, title)
    }
    for (const [title, claims] of Object.entries(otherTokens)) t.strictSame(answerOf(await server.get(await token(claims))), invalidToken, title)
  })
}

test('every product of the table has a recipe under a heading of its own', t => {
  const products = [...textOfDocument('docs/issuers.md').matchAll(/^\| \[([^\]]+)\]\(#[\w-]+\) \| `/gm)].map(([, product]) => product)
  t.same(products, [...new Set(recipes.map(({ heading }) => heading))])
  t.end()
})
