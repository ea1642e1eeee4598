import { OptionError } from '../errors/errors.ts'
import type { IdentifierParts } from '../identifier.ts'
import type { MetadataKeyOptions } from '../metadata/metadata-key.ts'
import { readMetadataKeys } from '../metadata/metadata-key.ts'
import type { SignedMetadataSettings } from '../metadata/metadata-signer.ts'
import { anyFunction, closed, count, text, typed } from '../options/common-schemas.ts'
import type { OptionSchemas } from '../options/option-group.ts'
import { optionGroup } from '../options/option-group.ts'
import { Type } from '../options/type.ts'
import { withinTime } from '../time-limit.ts'
import { parseIdentifierOption } from './identifiers.ts'

type Keys = readonly MetadataKeyOptions[]

export interface SignedMetadataOptions {
  /**
   * Signs the metadata document: its member `signed_metadata` has the same metadata as a JWT (RFC 9728 section 2.2), and the public
   * keys are served at `jwks_uri`. Default: none.
   */
  signedMetadata?: {
    /**
     * Private keys. All are published; the first one signs. A function is called again after `refreshSeconds`, so that keys can be
     * rotated without a restart: a new key signs once caches of the key set have it, and a removed one stays published as long as
     * documents that it signed are in caches.
     */
    keys: Keys | (() => Keys | Promise<Keys>)
    /** How often the function is called, in seconds. Default: 60. */
    refreshSeconds?: number
    /** `iss`: the party that attests to the metadata. Default: the `resource`. */
    issuer?: string
    /** `jwks_uri` of the document. Default: `/.well-known/jwks.json` on the origin of the `resource`. */
    jwksUri?: string
    /** The path of the route that serves the keys, where a gateway changes it. Default: the path of `jwksUri`. */
    jwksPath?: string
    /** How long clients and caches can keep the keys, in seconds. Default: 600. */
    keysMaxAgeSeconds?: number
    /** How long a signature is valid, in seconds; it is made anew when half of that is over. Default: 86400, or more where the document may be cached for longer than half a day. */
    lifetimeSeconds?: number
  }
}

/** @internal */
export const signedMetadataSchemas: OptionSchemas<keyof SignedMetadataOptions> = optionGroup<SignedMetadataOptions>()({
  signedMetadata: Type.Optional(Type.Object({
    keys: typed<Keys | (() => Keys | Promise<Keys>)>(Type.Union([Type.Array(Type.Unknown(), { minItems: 1 }), anyFunction])),
    refreshSeconds: Type.Optional(count),
    issuer: Type.Optional(text),
    jwksUri: Type.Optional(text),
    jwksPath: Type.Optional(typed<string>(Type.String({ pattern: /^\/[^?#]*$/, description: 'the path of a route' }))),
    keysMaxAgeSeconds: Type.Optional(count),
    lifetimeSeconds: Type.Optional(count)
  }, closed))
})

/** What other groups of options say of the document. */
export interface SignedMetadataContext {
  readonly resource: string
  readonly identifier: IdentifierParts
  readonly allowInsecureHttp: boolean
  readonly lookupTimeoutMs: number
  readonly metadataMaxAgeSeconds: number
}

/** @throws OptionError */
export function resolveSignedMetadata ({ signedMetadata }: SignedMetadataOptions, context: SignedMetadataContext): SignedMetadataSettings | null {
  if (signedMetadata === undefined) return null
  const { resource, identifier, allowInsecureHttp, lookupTimeoutMs, metadataMaxAgeSeconds } = context
  const {
    keys, refreshSeconds = 60, issuer = resource, jwksUri = `${identifier.origin}/.well-known/jwks.json`, keysMaxAgeSeconds = 600,
    lifetimeSeconds = Math.max(86_400, 2 * metadataMaxAgeSeconds)
  } = signedMetadata
  const { path, query } = parseIdentifierOption('signedMetadata.jwksUri', jwksUri, allowInsecureHttp)
  const { jwksPath = path } = signedMetadata
  if (query !== '' || jwksPath === '') throw new OptionError(`signedMetadata.jwksUri must have a path and no query, got ${JSON.stringify(jwksUri)}`)
  if (lifetimeSeconds < 2 * metadataMaxAgeSeconds) {
    throw new OptionError(`signedMetadata.lifetimeSeconds must be at least twice metadataMaxAgeSeconds (${2 * metadataMaxAgeSeconds}), so that no cached document has expired; got ${lifetimeSeconds}`)
  }
  const fixed = typeof keys === 'function' ? null : readFixed(keys)
  return Object.freeze({
    loadKeys: async () => fixed ?? readMetadataKeys(await withinTime(Promise.resolve((keys as () => Keys | Promise<Keys>)()), lookupTimeoutMs)),
    refreshMs: fixed === null ? refreshSeconds * 1000 : Infinity,
    issuer,
    jwksUri,
    jwksPath,
    keysMaxAgeMs: keysMaxAgeSeconds * 1000,
    documentMaxAgeMs: metadataMaxAgeSeconds * 1000,
    lifetimeMs: lifetimeSeconds * 1000
  })
}

function readFixed (keys: Keys): ReturnType<typeof readMetadataKeys> {
  try {
    return readMetadataKeys(keys)
  } catch (error) {
    throw new OptionError(`signedMetadata.keys${(error as Error).message.startsWith('[') ? '' : ' '}${(error as Error).message}`)
  }
}
