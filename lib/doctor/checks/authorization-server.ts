import { keyFault } from '../../token/key-set.ts'
import type { Check } from '../check.ts'
import { fails, failsWith, holds, notApplicable } from '../check.ts'
import type { JsonObject } from '../document.ts'
import { attempt, identifierFault, outageOf, parseObject, resourceOf } from '../document.ts'
import { checkIssuers, issuersOf, keysOf, usableIssuers } from '../issuers.ts'
import { registrationOf } from '../registration.ts'
import { Unchecked } from '../subject.ts'

/** A key in plain JSON: what a stranger publishes. */
type Key = Readonly<Record<string, unknown>> | null

function listOf (metadata: JsonObject, name: string): readonly unknown[] | null {
  return Array.isArray(metadata[name]) ? metadata[name] as unknown[] : null
}

/** The authorization servers that the document names. */
export const authorizationServerChecks: readonly Check[] = [
  {
    id: 'issuer-metadata',
    group: 'Authorization server',
    title: 'The metadata of the authorization server are at a well-known URL',
    level: 'required',
    rfc: 'RFC 8414 section 3, OpenID Connect Discovery section 4',
    why: 'Clients cannot find its endpoints, and cannot get a token.',
    fix: 'Check the spelling of the issuer, and that the server runs and can be reached from here; --insecure-ca <file> names an authority of your own. For an issuer with a path, the well-known part of RFC 8414 goes between host and path.',
    async run (subject) {
      const all = await issuersOf(subject)
      const missing = all.find(({ exchange }) => exchange === null)
      if (missing === undefined) return holds(`they are at ${all.map(({ exchange }) => exchange!.request.url).join(', ')}`)
      const { issuer, attempts } = missing
      const failed = attempts.find(({ exchange }) => exchange === null)
      if (failed !== undefined) return fails(`clients cannot get a token: ${outageOf(failed)}`, [])
      const misplaced = await attempt(subject, `${issuer.replace(/\/$/, '')}/.well-known/oauth-authorization-server`)
      const isMisplaced = misplaced.exchange?.response.status === 200
      return fails(
        `${issuer} has none${isMisplaced ? `, but at ${misplaced.url}, which no client requests` : ''}`, attempts.map(({ exchange }) => exchange!))
    }
  },
  {
    id: 'issuer-exact',
    group: 'Authorization server',
    title: 'Its metadata name the issuer exactly as the document does',
    level: 'required',
    rfc: 'RFC 8414 section 3.3',
    why: 'Clients must not use metadata that name another issuer; a slash at the end is a difference.',
    fix: 'Write the issuer in the configuration of the resource exactly as issuer of the metadata, and iss of the tokens.',
    async run (subject) {
      const found = (await issuersOf(subject)).filter(({ exchange }) => exchange !== null)
      if (found.length === 0) throw new Unchecked('no authorization server has metadata')
      const other = found.find(({ issuer, metadata }) => metadata.issuer !== issuer)
      if (other === undefined) return holds('they do')
      return fails(`they name ${JSON.stringify(other.metadata.issuer) ?? 'none'}, and the document ${JSON.stringify(other.issuer)}`, [other.exchange!])
    }
  },
  {
    id: 'issuer-order',
    group: 'Authorization server',
    title: 'No URL that is tried earlier answers with something else',
    level: 'recommended',
    rfc: 'RFC 8414 section 5, MCP authorization server metadata discovery',
    why: 'Some clients take the first answer with status 200, and a page for people is not metadata.',
    fix: 'Answer 404 at well-known URLs that have no metadata.',
    async run (subject) {
      const found = (await issuersOf(subject)).filter(({ exchange }) => exchange !== null)
      if (found.length === 0) throw new Unchecked('no authorization server has metadata')
      const misleading = found.flatMap(({ attempts }) => attempts.slice(0, -1)).find(({ exchange }) => exchange?.response.status === 200)
      return misleading === undefined ? holds('none does') : fails(`${misleading.url} got 200 and no metadata`, [misleading.exchange!])
    }
  },
  {
    id: 'issuer-endpoints',
    group: 'Authorization server',
    title: 'It has an authorization endpoint and a token endpoint, both https',
    level: 'required',
    rfc: 'RFC 8414 section 2',
    why: 'Clients cannot send the user there, or refuse to.',
    fix: 'Publish authorization_endpoint and token_endpoint as https URLs.',
    run: async subject => await checkIssuers(subject, ({ metadata }) => {
      const grants = listOf(metadata, 'grant_types_supported')
      const isForUsers = grants === null || grants.includes('authorization_code')
      for (const name of ['token_endpoint', ...isForUsers ? ['authorization_endpoint'] : []]) {
        const fault = identifierFault(metadata[name])
        if (fault !== null) return `${name} ${metadata[name] === undefined ? 'is missing' : fault}`
      }
      return null
    }, 'it has')
  },
  {
    id: 'issuer-pkce',
    group: 'Authorization server',
    title: 'It supports PKCE with S256',
    level: 'required',
    rfc: 'RFC 7636, RFC 9700 section 2.1.1',
    why: 'Clients that follow MCP or OAuth 2.1 refuse an authorization server that does not announce it.',
    fix: 'Publish code_challenge_methods_supported: ["S256"]. Where the server supports it and does not say so (Entra, Cognito), put metadata of your own before it.',
    run: async subject => await checkIssuers(subject, ({ metadata }) => {
      const methods = listOf(metadata, 'code_challenge_methods_supported')
      if (methods?.includes('S256') === true) return null
      return methods === null ? 'code_challenge_methods_supported is missing' : `it announces only ${JSON.stringify(methods)}`
    }, 'it does')
  },
  {
    id: 'issuer-keys',
    group: 'Authorization server',
    title: 'jwks_uri leads to a key set with a key that can verify signatures',
    level: 'required',
    rfc: 'RFC 8414 section 2, RFC 7517',
    why: 'Resource servers cannot verify its tokens.',
    fix: 'Publish jwks_uri, and RSA keys of 2048 bits or more, or EC or Ed25519 keys, with use "sig".',
    run: async subject => await checkIssuers(subject, async ({ metadata }) => {
      const found = await keysOf(subject, metadata)
      if (found === null) {
        if (metadata.jwks_uri !== undefined) return `jwks_uri ${identifierFault(metadata.jwks_uri)!}`
        return metadata.introspection_endpoint === undefined ? 'jwks_uri is missing' : null
      }
      if (found.exchange === null) return outageOf(found)
      const set = parseObject(found.exchange)
      if (found.exchange.response.status !== 200 || typeof set === 'string') return `jwks_uri got ${found.exchange.response.status} and no key set`
      const keys = listOf(set, 'keys')
      if (keys === null) return 'jwks_uri leads to a document without keys'
      const faults = keys.map(keyFault)
      return faults.includes(null) ? null : `no key can be used: ${faults.join(', ') || 'there is none'}`
    }, 'it does')
  },
  {
    id: 'issuer-secrets',
    group: 'Authorization server',
    title: 'The key set has public keys only',
    level: 'required',
    rfc: 'RFC 7517 section 9.2',
    why: 'Everyone can issue tokens.',
    fix: 'Publish the public members of each key only, replace the keys that were published, and revoke their tokens.',
    run: async subject => await checkIssuers(subject, async ({ metadata }) => {
      const set = (await keysOf(subject, metadata))?.exchange
      const keys = set === undefined || set === null ? 'no key set' : parseObject(set)
      if (typeof keys === 'string') throw new Unchecked('there is no key set')
      const secret = (listOf(keys, 'keys') as readonly Key[] | null ?? []).find(key => key?.d !== undefined || key?.k !== undefined)
      return secret === undefined ? null : `the key ${JSON.stringify(secret!.kid) ?? 'without a kid'} is there with its private part`
    }, 'it has')
  },
  {
    id: 'issuer-resource',
    group: 'Authorization server',
    title: 'If it lists the resources it serves, this one is among them',
    level: 'required',
    rfc: 'RFC 9728 section 4',
    why: 'Clients that compare both lists refuse the pair.',
    fix: 'Add the resource to protected_resources of the authorization server.',
    async run (subject) {
      const resource = await resourceOf(subject)
      const listing = (await usableIssuers(subject)).filter(({ metadata }) => listOf(metadata, 'protected_resources') !== null)
      if (listing.length === 0) return notApplicable('it has no such list')
      const other = listing.find(({ metadata }) => !listOf(metadata, 'protected_resources')!.includes(resource))
      return failsWith(other === undefined ? null : `${other.issuer} does not list ${resource}`, 'it is')
    }
  },
  {
    id: 'issuer-registration',
    group: 'Authorization server',
    title: 'MCP clients can register: by client ID metadata documents or dynamic registration',
    level: 'recommended',
    rfc: 'RFC 7591, MCP client registration approaches',
    why: 'A client that its author did not register with this authorization server cannot connect.',
    fix: 'Enable client ID metadata documents (client_id_metadata_document_supported) or dynamic registration (registration_endpoint), or give users a client id to enter.',
    async run (subject) {
      const registration = registrationOf((await usableIssuers(subject)).map(({ issuer, metadata }) => ({ issuer, metadata })))
      const open = registration.filter(one => one.dynamicRegistration || one.clientIdMetadataDocuments)
      if (open.length > 0) return holds(open.map(one => `${one.issuer}: ${[one.clientIdMetadataDocuments ? 'documents' : '', one.dynamicRegistration ? 'registration' : ''].filter(way => way !== '').join(' and ')}`).join(', '))
      return await subject.isMcpEndpoint() ? fails('they cannot: each client has to be registered beforehand', []) : notApplicable('they cannot, and this is not an MCP endpoint')
    }
  }
]
