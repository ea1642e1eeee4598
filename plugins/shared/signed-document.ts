import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { describeError } from '../../lib/errors/detail.ts'
import { OptionError } from '../../lib/errors/errors.ts'
import { isKnown } from '../../lib/metadata/document.ts'
import type { LiveDocument } from '../../lib/metadata/live-document.ts'
import type { MetadataSigner, SignedMetadataSettings } from '../../lib/metadata/metadata-signer.ts'
import { createMetadataSigner, keySetOf, signedDocument } from '../../lib/metadata/metadata-signer.ts'
import { allowEveryOrigin, hiddenRoute, openRoute, rootOf, sharedByServer } from './server.ts'

const keySets = Symbol('fastify-oauth-resource-server.key-sets')

/** Resources that publish their keys at the same path of a server have one key set. */
interface SharedKeySet {
  readonly signers: MetadataSigner[]
  maxAgeMs: number
}

/** Signs a document whenever it is served, and serves the keys. The boot stops when they cannot be loaded. */
export function signDocument (app: FastifyInstance, settings: SignedMetadataSettings, live: LiveDocument): LiveDocument {
  const { jwksPath, keysMaxAgeMs } = settings
  const { resource, clock } = app.oauthConfig
  const signer = createMetadataSigner(settings, clock, err =>
    app.log.warn({ resource, err }, 'the keys that sign the metadata could not be loaded again; those that were loaded before stay in use'))
  app.addHook('onReady', async () => {
    try {
      await signer.ready()
    } catch (error) {
      throw new OptionError(`signedMetadata.keys could not be loaded: ${describeError(error)}`)
    }
  })
  const shared = sharedByServer(app, keySets, () => new Map<string, SharedKeySet>())
  const known = shared.get(jwksPath)
  if (known === undefined) {
    const keySet: SharedKeySet = { signers: [signer], maxAgeMs: keysMaxAgeMs }
    shared.set(jwksPath, keySet)
    addRoute(rootOf(app), jwksPath, keySet)
  } else {
    known.signers.push(signer)
    known.maxAgeMs = Math.min(known.maxAgeMs, keysMaxAgeMs)
  }
  return signedDocument(live, signer)
}

/** RFC 7517 section 5. Public, as the metadata document is. */
function addRoute (root: FastifyInstance, url: string, keySet: SharedKeySet): void {
  root.route({
    method: 'GET',
    // A colon begins a parameter in the pattern of a route, unless there are two.
    url: url.replaceAll(':', '::'),
    exposeHeadRoute: true,
    config: openRoute,
    schema: hiddenRoute,
    handler: async ({ headers }: FastifyRequest, reply: FastifyReply) => {
      const { body, etag } = keySetOf(keySet.signers)
      allowEveryOrigin(reply).header('cache-control', `public, max-age=${keySet.maxAgeMs / 1000}`).header('etag', etag)
      if (isKnown(headers['if-none-match'], etag)) return reply.code(304).send()
      return reply.type('application/jwk-set+json').send(body)
    }
  })
}
