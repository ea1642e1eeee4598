import type { ImpersonationGuardOptions } from '../impersonation/options.ts'
import { checkGuardOptions } from '../impersonation/options.ts'
import type { ImpersonatedTokenOptions, ImpersonatedTokenSettings } from '../impersonation/token-options.ts'
import { resolveTokenOptions } from '../impersonation/token-options.ts'
import { typed } from '../options/common-schemas.ts'
import type { OptionSchemas } from '../options/option-group.ts'
import { optionGroup } from '../options/option-group.ts'
import { Type } from '../options/type.ts'

/**
 * Impersonation of customers by staff.
 *
 * @template Request what the web framework calls a request
 */
export interface ImpersonationOptions<Request> {
  /** The guard on impersonated grants, where this server issues grants itself. Default: none. */
  impersonationGuard?: ImpersonationGuardOptions<Request>
  /** The checks of impersonated access tokens, each time they are used. Default: none. */
  impersonatedTokens?: ImpersonatedTokenOptions
}

/** @internal Each is held against its own schema, in lib/impersonation. */
export const impersonationSchemas: OptionSchemas<keyof ImpersonationOptions<never>> = optionGroup<ImpersonationOptions<never>>()({
  impersonationGuard: Type.Optional(typed<ImpersonationGuardOptions<never>>(Type.Unknown())),
  impersonatedTokens: Type.Optional(typed<ImpersonatedTokenOptions>(Type.Unknown()))
})

export interface ImpersonationSettings {
  /** `null`: this server issues no grants. */
  readonly impersonationGuard: Readonly<ImpersonationGuardOptions<never>> | null
  /** `null`: impersonated tokens are not distinguished from others. */
  readonly impersonatedTokens: ImpersonatedTokenSettings | null
}

/** @throws OptionError */
export function resolveImpersonation ({ impersonationGuard, impersonatedTokens }: ImpersonationOptions<never>): ImpersonationSettings {
  const guard = impersonationGuard === undefined ? null : checkGuardOptions<never>(impersonationGuard)
  return {
    impersonationGuard: guard,
    impersonatedTokens: impersonatedTokens === undefined ? null : resolveTokenOptions(impersonatedTokens, guard?.directory ?? null)
  }
}
