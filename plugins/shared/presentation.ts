import type { FastifyRequest } from 'fastify'
import type { OAuthConfig } from '../../lib/config/resolve.ts'
import { targetOf } from '../../lib/metadata/well-known.ts'
import { fieldValues } from '../../lib/proof/certificate.ts'
import type { Presentation } from '../../lib/token/confirmation.ts'
import { policyOf } from './request-state.ts'

export const presented: unique symbol = Symbol('fastify-oauth-resource-server.presented')

declare module 'fastify' {
  interface FastifyRequest {
    /** @internal How the request presented its token; `null` where no proof is looked at. */
    [presented]?: RequestPresentation | null
  }
}

/** How a request presented its token. It is made once for a request: its proof is good for one use. */
export function presentationOf (request: FastifyRequest, scheme: Presentation['scheme']): Presentation {
  request[presented] ??= new RequestPresentation(request, scheme)
  return request[presented]
}

/** What is not needed is not computed: most requests have a bearer token. */
class RequestPresentation implements Presentation {
  readonly scheme: Presentation['scheme']
  readonly requirement: Presentation['requirement']
  /** The nonce that goes with the response. */
  nextNonce: string | null = null
  readonly #request: FastifyRequest['raw']
  readonly #config: OAuthConfig

  constructor (request: FastifyRequest, scheme: Presentation['scheme']) {
    this.scheme = scheme
    this.requirement = policyOf(request).dpop
    this.#request = request.raw
    this.#config = request.server.oauthConfig
  }

  get method (): string {
    return this.#request.method!
  }

  get proofs (): readonly string[] {
    return fieldValues(this.#request.rawHeaders, 'dpop')
  }

  /** Of the URL as the client sent it: Fastify's own may be rewritten. */
  get targetUris (): readonly string[] {
    const path = targetOf(this.#request.url!).replace(/[?#].*$/s, '')
    return this.#config.dpop!.publicBaseUrls.map(base => base + path)
  }

  get certificateThumbprint (): string | null {
    return this.#config.clientCertificates?.read(this.#request) ?? null
  }

  provideNonce (nonce: string): void {
    this.nextNonce = nonce
  }
}
