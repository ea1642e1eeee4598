import type { ExpectedToken, IssuerHints } from '../token/expected-token.ts'
import type { PresetName } from './presets.ts'
import { presetOf } from './products.ts'

/** What of an issuer the hints about its tokens depend on. */
export interface HintSource {
  readonly issuer: string
  /** The option that the issuer was written in. */
  readonly option: string
  readonly isIdentifier: boolean
  /** The preset that is set. */
  readonly preset: PresetName | undefined
  /** What tokens of the issuer must be with a preset. */
  readonly expectedWith: (preset: PresetName, hints: IssuerHints) => ExpectedToken
}

/** Works out what the log says beside the refusal of a token of an issuer. */
export function resolveHints ({ issuer, option, isIdentifier, preset, expectedWith }: HintSource): IssuerHints {
  const hints = { option, isIdentifier, preset: preset ?? null, withPreset: null, otherIdentifiers: otherIdentifiersOf(issuer, option) }
  const product = preset === undefined ? presetOf(issuer) : null
  if (product === null) return Object.freeze(hints)
  const expected = expectedWith(product, Object.freeze({ ...hints, preset: product }))
  return Object.freeze({ ...hints, withPreset: Object.freeze({ name: product, expected }) })
}

const entraV1 = /^https:\/\/sts\.windows\.net\/([^/]+)\/$/
const entraV2 = /^https:\/\/login\.microsoftonline\.com\/([^/]+)\/v2\.0$/

/**
 * Identifiers that are certainly those of the same issuer: a slash at the end more or less, and the one that an Entra tenant
 * writes into tokens of the other version. No other identifier is suggested: a token could name any issuer.
 */
function otherIdentifiersOf (issuer: string, option: string): ReadonlyMap<string, string> {
  const spelling = issuer.endsWith('/') ? issuer.slice(0, -1) : `${issuer}/`
  const others = new Map([[spelling, `set ${option}.issuer: '${spelling}', exactly as iss spells it`]])
  const [, v2Tenant] = entraV2.exec(issuer) ?? []
  if (v2Tenant !== undefined) {
    const v1 = `https://sts.windows.net/${v2Tenant}/`
    const keys = `https://login.microsoftonline.com/${v2Tenant}/discovery/keys`
    others.set(v1, 'this is an access token of version 1.0 of the same Entra tenant: set accessTokenAcceptedVersion to 2 in the manifest of the app ' +
      `registration of the API; or set ${option}: { issuer: '${v1}', preset: 'entraV1', jwksUri: '${keys}' }`)
  }
  const [, v1Tenant] = entraV1.exec(issuer) ?? []
  if (v1Tenant !== undefined) {
    const v2 = `https://login.microsoftonline.com/${v1Tenant}/v2.0`
    others.set(v2, `this is an access token of version 2.0 of the same Entra tenant: set ${option}: { issuer: '${v2}', preset: 'entra' }`)
  }
  return others
}
