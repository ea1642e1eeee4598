import type { Clock } from '../clock.ts'
import type { PresetName } from '../config/presets.ts'
import { issuerPresets } from '../config/presets.ts'
import type { Impersonation } from '../impersonation/impersonation.ts'
import { checkOptions } from '../options/check-options.ts'
import { anyFunction, clock, closed, text, typed } from '../options/common-schemas.ts'
import { optionGroup } from '../options/option-group.ts'
import { Type } from '../options/type.ts'
import type { TestAlgorithm } from './signing-key.ts'
import { testAlgorithms } from './signing-key.ts'

export interface TestIssuerOptions {
  /** The identifier of the protected resource: `aud` of the tokens. */
  resource: string
  /** The issuer identifier. Default: `https://issuer.test`, or one of `product`; no request ever leaves the process. */
  issuer?: string
  /** What its tokens are signed with. Default: `ES256`, or that of `product`. */
  algorithm?: TestAlgorithm
  /**
   * Issues tokens in the form of this product (`keycloak`, `entra`, …); `options` then has the preset and the audience that a
   * server needs for it. Default: tokens by RFC 9068.
   */
  product?: PresetName
  /** @internal For tests of this package: where the time comes from. Default: the system. */
  clock?: Clock
}

/** A key by its thumbprint, or a certificate by its thumbprint. */
export type TokenBinding = { readonly thumbprint: string } | { readonly certificateThumbprint: string }

/** What a test says about a token. Everything else is as a conforming issuer would set it. */
export interface TestTokenOptions {
  /** `sub`. Default: `user-1`; for a client that acts for itself, the client. */
  subject?: string
  /** `scope`. Default: none. */
  scopes?: readonly string[]
  /** `client_id`. Default: `client-1`. */
  clientId?: string
  /** `client`: a client that acts for itself, as by the client credentials grant. Default: `user`. */
  principalType?: 'user' | 'client'
  /** Seconds until `exp`. Default: 300. */
  expiresInSeconds?: number
  /** The party that acts for the subject (RFC 8693 section 4.1): `act.sub`; of several, the first is the current one. Default: none. */
  actor?: string | readonly string[]
  /** Marks the token as made by a member of staff who impersonates the subject, as `impersonationClaims` does. Default: not impersonated. */
  impersonatedBy?: Omit<Impersonation, 'customer'>
  /**
   * The key that the token is bound to (RFC 9449 section 6.1), of `createTestClient`; or the certificate (RFC 8705 section
   * 3.1), of `createTestCertificateAuthority`; a list: both. Default: none.
   */
  boundTo?: TokenBinding | readonly TokenBinding[]
  /** Further claims, in place of those above; `undefined` leaves a claim out. */
  claims?: Readonly<Record<string, unknown>>
  /** Further header parameters; `undefined` leaves one out. */
  header?: Readonly<Record<string, unknown>>
}

/** @internal */
export const algorithmSchema = typed<TestAlgorithm>(Type.Enum(testAlgorithms))
/** @internal Claims or header parameters. */
export const membersSchema = typed<Readonly<Record<string, unknown>>>(Type.Object({}))

const issuerSchema = Type.Object(optionGroup<TestIssuerOptions>()({
  resource: text,
  issuer: Type.Optional(text),
  algorithm: Type.Optional(algorithmSchema),
  product: Type.Optional(typed<PresetName>(Type.Enum(Object.keys(issuerPresets)))),
  clock: Type.Optional(clock)
}), closed)

const binding = Type.Union([Type.Object({ thumbprint: text }), Type.Object({ certificateThumbprint: text })])
const numberOrNull = Type.Union([Type.Number(), Type.Null()])
const impersonation = Type.Object(optionGroup<Omit<Impersonation, 'customer'>>()({
  staff: text,
  sessionId: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  readOnly: Type.Optional(Type.Boolean()),
  endsAt: Type.Optional(numberOrNull),
  idleTimeoutSeconds: Type.Optional(numberOrNull)
}), closed)

const tokenSchema = Type.Object(optionGroup<TestTokenOptions>()({
  subject: Type.Optional(text),
  scopes: Type.Optional(Type.Array(text)),
  clientId: Type.Optional(text),
  principalType: Type.Optional(Type.Enum(['user', 'client'])),
  expiresInSeconds: Type.Optional(Type.Number()),
  actor: Type.Optional(Type.Union([text, Type.Array(text, { minItems: 1 })])),
  impersonatedBy: Type.Optional(impersonation),
  boundTo: Type.Optional(Type.Union([binding, Type.Array(binding, { minItems: 1 })])),
  claims: Type.Optional(membersSchema),
  header: Type.Optional(membersSchema)
}), closed)

const rotationSchema = Type.Object({ keepOld: Type.Optional(Type.Boolean()) }, closed)

/** @throws OptionError */
export function checkIssuerOptions (given: TestIssuerOptions): TestIssuerOptions {
  return checkOptions('options of createTestIssuer', issuerSchema, given)
}

/**
 * @param method the method of the issuer that was called, for the message
 * @throws OptionError
 */
export function checkTokenOptions (method: string, given: TestTokenOptions): TestTokenOptions {
  return checkOptions(`options of issuer.${method}`, tokenSchema, given)
}

/** @throws OptionError */
export function checkRotation (given: { keepOld?: boolean }): { keepOld?: boolean } {
  return checkOptions('options of issuer.rotateKeys', rotationSchema, given)
}

/** @throws OptionError */
export function checkOutage (given: boolean): boolean {
  return checkOptions('isDown of issuer.setOutage', Type.Boolean(), given)
}

/** @throws OptionError */
export function checkAnswer (given: unknown): void {
  checkOptions('answer of issuer.respond', Type.Union([anyFunction, Type.Null()]), given)
}

/**
 * Checks an argument that is one of a few names.
 *
 * @param argument what it is called, for the message
 * @throws OptionError
 */
export function checkName (argument: string, names: readonly string[], given: string): void {
  checkOptions(argument, Type.Enum(names), given)
}
