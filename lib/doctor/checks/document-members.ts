import type { Check } from '../check.ts'
import { failsWith, notApplicable } from '../check.ts'
import { documentExchange, documentOf, identifierFault } from '../document.ts'

type Rule = (value: unknown) => string | null

const listOfStrings: Rule = value => Array.isArray(value) && value.length > 0 && value.every(one => typeof one === 'string' && one !== '')
  ? null
  : 'must be a list of strings that is not empty'
const text: Rule = value => typeof value === 'string' && value !== '' ? null : 'must be a string that is not empty'
const url: Rule = value => typeof value === 'string' && /^https?:/.test(value) && URL.canParse(value) ? null : 'must be a URL'
const boolean: Rule = value => typeof value === 'boolean' ? null : 'must be true or false'
const secureUrl: Rule = value => identifierFault(value)
const signatures: Rule = value => listOfStrings(value) ?? ((value as string[]).some(one => /^none$/i.test(one)) ? 'must not have none' : null)
const proofs: Rule = value => listOfStrings(value) ?? ((value as string[]).some(one => /^(?:none|HS\d+)$/i.test(one)) ? 'must have asymmetric algorithms only' : null)
const methods: Rule = value => listOfStrings(value) ??
  ((value as string[]).every(one => ['header', 'body', 'query'].includes(one)) ? null : 'must be of header, body and query')

/** RFC 9728 section 2, and RFC 9396. */
const rules: Readonly<Record<string, Rule>> = {
  scopes_supported: listOfStrings,
  bearer_methods_supported: methods,
  jwks_uri: secureUrl,
  resource_signing_alg_values_supported: signatures,
  resource_name: text,
  resource_documentation: url,
  resource_policy_uri: url,
  resource_tos_uri: url,
  tls_client_certificate_bound_access_tokens: boolean,
  authorization_details_types_supported: listOfStrings,
  dpop_signing_alg_values_supported: proofs,
  dpop_bound_access_tokens_required: boolean
}

/** What the metadata document says. */
export const documentMemberChecks: readonly Check[] = [
  {
    id: 'document-issuers',
    group: 'Metadata document',
    title: 'authorization_servers names at least one issuer, an https URL',
    level: 'required',
    rfc: 'RFC 9728 section 2',
    why: 'Without it clients do not know where to get a token; MCP requires it.',
    fix: 'List the issuer identifiers of your authorization servers, exactly as their own metadata writes issuer.',
    async run (subject) {
      const { authorization_servers: issuers } = await documentOf(subject)
      const fault = listOfStrings(issuers) ?? (issuers as string[]).map(issuer => {
        const wrong = identifierFault(issuer) ?? (/[?]/.test(issuer) ? 'must not have a query' : null)
        return wrong === null ? null : `${issuer} ${wrong}`
      }).find(one => one !== null) ?? null
      return failsWith(fault, 'it does', await documentExchange(subject))
    }
  },
  {
    id: 'document-members',
    group: 'Metadata document',
    title: 'Its other members have the types of the standard, and none is empty',
    level: 'required',
    rfc: 'RFC 9728 sections 2 and 3.2',
    why: 'Strict clients refuse the whole document.',
    fix: 'Leave a member out when it has no value, and write lists as lists.',
    async run (subject) {
      const document = await documentOf(subject)
      const faults = Object.entries(rules).map(([name, rule]) => {
        const fault = name in document ? rule(document[name]) : null
        return fault === null ? null : `${name} ${fault}`
      })
      return failsWith(faults.find(fault => fault !== null) ?? null, 'they have', await documentExchange(subject))
    }
  },
  {
    id: 'document-methods',
    group: 'Metadata document',
    title: 'Tokens are announced for the header only',
    level: 'recommended',
    rfc: 'RFC 9700 section 4.3.2',
    why: 'A client may take the document at its word, and put tokens into URLs.',
    fix: 'Set bearer_methods_supported to ["header"].',
    async run (subject) {
      const { bearer_methods_supported: announced } = await documentOf(subject)
      if (!Array.isArray(announced)) return notApplicable('the document does not say')
      const other = (announced as unknown[]).find(one => one !== 'header')
      return failsWith(other === undefined ? null : `bearer_methods_supported has ${JSON.stringify(other)}`, 'they are', await documentExchange(subject))
    }
  },
  {
    id: 'document-scopes',
    group: 'Metadata document',
    title: 'Neither document nor challenge asks for offline_access',
    level: 'recommended',
    rfc: 'MCP authorization, refresh tokens',
    why: 'It is a matter between client and authorization server: not every client may have a refresh token.',
    fix: 'Remove offline_access from scopes_supported and from the scope of the challenge.',
    async run (subject) {
      const { scopes_supported: scopes } = await documentOf(subject)
      const asked = (await subject.tokenChallenge().catch(() => null))?.parameters.get('scope')?.split(' ') ?? []
      const isAsked = [scopes, asked].flat().includes('offline_access')
      return failsWith(isAsked ? 'offline_access is there' : null, 'they do not', await documentExchange(subject))
    }
  }
]
