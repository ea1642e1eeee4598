import type { PresetName } from './presets.ts'

/** What the issuer identifiers of products look like. */
const products: ReadonlyArray<readonly [RegExp, PresetName]> = [
  [/^https:\/\/login\.microsoftonline\.(?:com|us)\/[^/]+\/v2\.0$/, 'entra'],
  [/^https:\/\/sts\.windows\.net\/[^/]+\/$/, 'entraV1'],
  [/^https:\/\/[^/]+\.b2clogin\.com\//, 'entraB2c'],
  [/\/adfs\/services\/trust$/, 'adfs'],
  [/\/realms\/[^/]+$/, 'keycloak'],
  [/^https:\/\/[^/]+\.auth0\.com\/$/, 'auth0'],
  [/^https:\/\/[^/]+\.okta(?:preview|-emea)?\.com\/oauth2\//, 'okta'],
  [/^https:\/\/cognito-idp\.[^/]+\.amazonaws\.com\//, 'cognito'],
  [/^https:\/\/api\.workos\.com/, 'workos'],
  [/^https:\/\/(?:clerk\.|[^/]+\.clerk\.accounts\.dev)/, 'clerk'],
  [/^https:\/\/[^/]+\.supabase\.co\/auth\/v1$/, 'supabase'],
  [/^https:\/\/accounts\.google\.com$/, 'google'],
  [/^https:\/\/token\.actions\.githubusercontent\.com/, 'githubActions'],
  [/^https:\/\/kubernetes\.default\.svc/, 'kubernetes'],
  [/^https:\/\/[^/]+\.cloudflareaccess\.com$/, 'cloudflareAccess']
]

/** The preset for the tokens of an issuer, by its identifier; `null` for a product that is not known. */
export function presetOf (issuer: string): PresetName | null {
  return products.find(([pattern]) => pattern.test(issuer))?.[1] ?? null
}
