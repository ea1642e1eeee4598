import type { CryptoKey } from 'jose'
import type * as OAuth4WebApi from 'oauth4webapi'

/** How a client authenticates at an authorization server (RFC 6749 section 2.3, RFC 7523, RFC 8705). */
export type ClientAuthentication =
  | { readonly method: 'client_secret_basic', readonly clientSecret: string }
  | { readonly method: 'client_secret_post', readonly clientSecret: string }
  /** `keyId` is the `kid` of the key in the key set that is registered. */
  | { readonly method: 'private_key_jwt', readonly privateKey: CryptoKey, readonly keyId?: string }
  /** A `fetch` of your own presents the certificate. */
  | { readonly method: 'tls_client_auth' }
  /** A public client, which has no secret. */
  | { readonly method: 'none' }

/** How a confidential client authenticates: introspection is not for public clients (RFC 7662 section 2.1). */
export type ConfidentialAuthentication = Exclude<ClientAuthentication, { readonly method: 'none' }>

/** The same for oauth4webapi. */
export function toClientAuth (oauth: typeof OAuth4WebApi, authentication: ClientAuthentication): OAuth4WebApi.ClientAuth {
  switch (authentication.method) {
    case 'client_secret_basic': return basic(authentication.clientSecret)
    case 'client_secret_post': return oauth.ClientSecretPost(authentication.clientSecret)
    case 'private_key_jwt': {
      const { privateKey, keyId } = authentication
      return oauth.PrivateKeyJwt(keyId === undefined ? privateKey : { key: privateKey, kid: keyId })
    }
    case 'tls_client_auth': return oauth.TlsClientAuth()
    case 'none': return oauth.None()
  }
}

/**
 * Basic authentication with form-encoded parts (RFC 6749 section 2.3.1). Only characters that a form encodes are encoded:
 * many authorization servers do not decode the parts, which makes no difference for the usual identifiers and secrets. The
 * body has no `client_id`: some servers then take the request for one of a public client.
 */
function basic (clientSecret: string): OAuth4WebApi.ClientAuth {
  return (_server, { client_id: clientId }, _body, headers) => {
    headers.set('authorization', `Basic ${Buffer.from(`${formEncoded(clientId)}:${formEncoded(clientSecret)}`).toString('base64')}`)
  }
}

function formEncoded (value: string): string {
  return new URLSearchParams({ '': value }).toString().slice(1)
}
