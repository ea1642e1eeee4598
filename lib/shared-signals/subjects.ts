import { isSubjectIdentifier, isText, setRefused } from './security-event-token.ts'
import type { SubjectIdentifier } from './security-event-token.ts'

/** What of one issuer the subject of an event is, among its access tokens: a subject, a session or a single token. */
export type SignalTarget = { readonly issuer: string } & (
  | { readonly subject: string }
  | { readonly sessionId: string }
  | { readonly tokenId: string }
)

/** What the subject of an event was understood as. */
export interface FoundTargets {
  readonly targets: readonly SignalTarget[]
  /** Issuers that the subject names and that the transmitter must not speak about. */
  readonly foreignIssuers: readonly string[]
  /** Members of a complex subject that were taken into account. */
  readonly usedMembers: readonly string[]
}

export interface SubjectContext {
  /** The issuers of access tokens that the transmitter may speak about. */
  readonly issuers: readonly string[]
  /** Whether an opaque identifier alone is that of a session, as in `session-revoked` (CAEP 1.0 section 3.1). */
  readonly opaqueIsSession: boolean
}

const nothing: FoundTargets = { targets: [], foreignIssuers: [], usedMembers: [] }
const maxAliases = 20

/** Members that an identifier of a format must have as strings (RFC 9493 section 3.2, SSF 1.0 section 3.5). */
const membersOf: Readonly<Record<string, readonly string[]>> = {
  account: ['uri'],
  did: ['url'],
  email: ['email'],
  iss_sub: ['iss', 'sub'],
  jwt_id: ['iss', 'jti'],
  opaque: ['id'],
  phone_number: ['phone_number'],
  saml_assertion_id: ['issuer', 'assertion_id'],
  uri: ['uri']
}

/**
 * Finds which access tokens the subject of an event is about. An e-mail address, a phone number and the like are not in
 * access tokens in a way that could be relied on: for those, nothing is found, and the host has to know.
 *
 * @throws SetError `invalid_request` for an identifier without the members of its format
 */
export function findTargets (identifier: SubjectIdentifier, context: SubjectContext): FoundTargets {
  const { format } = identifier
  checkMembers(identifier)
  switch (format) {
    case 'iss_sub': return ofIssuer({ issuer: identifier.iss as string, subject: identifier.sub as string }, context)
    case 'jwt_id': return ofIssuer({ issuer: identifier.iss as string, tokenId: identifier.jti as string }, context)
    case 'opaque':
      return context.opaqueIsSession ? { ...nothing, targets: sessionsOf(identifier.id as string, context.issuers) } : nothing
    case 'aliases': return ofAliases(identifier, context)
    case 'complex': return ofComplex(identifier, context)
    default: return nothing
  }
}

function checkMembers (identifier: SubjectIdentifier): void {
  const { format } = identifier
  const missing = Object.hasOwn(membersOf, format) ? membersOf[format]!.find(name => !isText(identifier[name])) : undefined
  if (missing !== undefined) throw setRefused('invalid_request', `${missing} of a subject identifier of format ${format} must be a string`)
}

function ofIssuer (target: SignalTarget, { issuers }: SubjectContext): FoundTargets {
  return issuers.includes(target.issuer) ? { ...nothing, targets: [target] } : { ...nothing, foreignIssuers: [target.issuer] }
}

function sessionsOf (sessionId: string, issuers: readonly string[]): SignalTarget[] {
  return issuers.map(issuer => ({ issuer, sessionId }))
}

/** RFC 9493 section 3.2.8: several identifiers of the same subject, none of them a list in turn. */
function ofAliases ({ identifiers }: SubjectIdentifier, context: SubjectContext): FoundTargets {
  if (!Array.isArray(identifiers) || identifiers.length === 0 || identifiers.length > maxAliases ||
    !identifiers.every(one => isSubjectIdentifier(one) && one.format !== 'aliases' && one.format !== 'complex')) {
    throw setRefused('invalid_request', `identifiers of a subject of format aliases must be 1 to ${maxAliases} subject identifiers of other formats`)
  }
  const found = (identifiers as SubjectIdentifier[]).map(one => findTargets(one, context))
  return { ...nothing, targets: found.flatMap(({ targets }) => targets), foreignIssuers: found.flatMap(({ foreignIssuers }) => foreignIssuers) }
}

/**
 * SSF 1.0 section 3.3: all members are about one subject. The session is the narrowest that tokens name. Where it is not
 * given, all tokens of the user are meant: which of them a device or an application has is not known here.
 */
function ofComplex ({ format: _format, ...members }: SubjectIdentifier, context: SubjectContext): FoundTargets {
  for (const [name, member] of Object.entries(members)) {
    if (!isSubjectIdentifier(member) || member.format === 'complex') throw setRefused('invalid_request', `${name} of a complex subject must be a simple subject identifier`)
    checkMembers(member)
  }
  const { user, session } = members as { user?: SubjectIdentifier, session?: SubjectIdentifier }
  const ofUser = user === undefined ? nothing : findTargets(user, { ...context, opaqueIsSession: false })
  const issuers = [...new Set(ofUser.targets.map(({ issuer }) => issuer))]
  const ofSession = session === undefined
    ? nothing
    : ofSessionMember(session, issuers.length > 0 ? issuers : ofUser.foreignIssuers.length > 0 ? [] : context.issuers, context)
  return {
    targets: ofSession.targets.length > 0 ? ofSession.targets : ofUser.targets,
    foreignIssuers: [...ofUser.foreignIssuers, ...ofSession.foreignIssuers],
    usedMembers: [...ofUser.targets.length > 0 ? ['user'] : [], ...ofSession.targets.length > 0 ? ['session'] : []]
  }
}

/** @param issuers those that the user is of, or may be of */
function ofSessionMember (session: SubjectIdentifier, issuers: readonly string[], context: SubjectContext): FoundTargets {
  if (session.format === 'opaque') return { ...nothing, targets: sessionsOf(session.id as string, issuers) }
  if (session.format !== 'iss_sub') return nothing
  return ofIssuer({ issuer: session.iss as string, sessionId: session.sub as string }, context)
}
