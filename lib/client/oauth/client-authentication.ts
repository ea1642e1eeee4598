import type { CryptoKey } from 'jose'
import type * as OAuth4WebApi from 'oauth4webapi'

/** How a client, or a resource server that asks about tokens, proves who it is to an authorization server (RFC 6749 section 2.3, RFC 7523, RFC 8705). */
export type ClientAuthentication =
  | { readonly method: 'client_secret_basic', readonly clientSecret: string }
  | { readonly method: 'client_secret_post', readonly clientSecret: string }
  /** `keyId` names the key in the set that the authorization server knows. */
  | { readonly method: 'private_key_jwt', readonly privateKey: CryptoKey, readonly keyId?: string }
  /** The certificate is presented by a `fetch` of your own. */
  | { readonly method: 'tls_client_auth' }
  /** A public client, which has no secret to prove anything with. */
  | { readonly method: 'none' }

/** Of those who may ask about the tokens of others: no public client is one of them (RFC 7662 section 2.1). */
export type ConfidentialAuthentication = Exclude<ClientAuthentication, { readonly method: 'none' }>

/** The same, as oauth4webapi does it. */
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
 * RFC 6749 section 2.3.1, with nothing encoded that a form leaves as it is: many authorization servers decode nothing,
 * and for the usual identifiers and secrets that makes no difference to them.
 */
function basic (clientSecret: string): OAuth4WebApi.ClientAuth {
  return (_server, { client_id: clientId }, _body, headers) => {
    headers.set('authorization', `Basic ${Buffer.from(`${formEncoded(clientId)}:${formEncoded(clientSecret)}`).toString('base64')}`)
  }
}

function formEncoded (value: string): string {
  return new URLSearchParams({ '': value }).toString().slice(1)
}
