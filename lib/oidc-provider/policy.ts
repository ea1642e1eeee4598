import { decodeJwt } from 'jose'
import type { GrantReason } from '../impersonation/check-grant.ts'
import type { OidcContext, OidcInteraction, OidcPolicy, OidcProviderModule } from './types.ts'

/**
 * Why a grant was not used again without a question: an organization has not approved; the check could not be completed, so
 * that trying again later may help; or something else, which will not pass by itself.
 */
export type AutomaticRefusal = 'not_approved' | 'unavailable' | 'refused'

/** The reasons of an interaction: which of them it has says why the grant was refused. */
const reasons: Readonly<Record<AutomaticRefusal, string>> = {
  not_approved: 'impersonation_not_approved', refused: 'impersonation_refused', unavailable: 'impersonation_unavailable'
}
const anotherSubject = 'another_subject'

export interface PolicyOptions {
  /** The account that the browser is signed in to, by the session of the host; `null` for none. */
  accountOf (ctx: OidcContext): Promise<string | null>
  /** Why the grant of this request was not used again; `undefined` where it was, or where there is none. */
  refusalOf (ctx: OidcContext): AutomaticRefusal | undefined
}

/** The policy of interactions: oidc-provider's own, with the checks of the guard. */
export function createGuardPolicy<Policy extends OidcPolicy> ({ interactionPolicy }: OidcProviderModule<Policy>, { accountOf, refusalOf }: PolicyOptions): Policy {
  const policy = interactionPolicy.base()
  const check = (reason: string, description: string, error: string, test: (ctx: OidcContext) => boolean | Promise<boolean>): never =>
    new interactionPolicy.Check(...[reason, description, error, test] as never[]) as never
  const login = policy.get('login')!.checks
  login.add(check('host_session', 'another account is signed in', 'login_required',
    async ctx => ctx.oidc.session!.accountId !== (await accountOf(ctx) ?? undefined)))
  // oidc-provider compares the hint with the account once, and not again when the request resumes.
  login.add(check(anotherSubject, 'the client asks for another account', 'login_required', ({ oidc: { params, session } }) =>
    typeof params!.id_token_hint === 'string' && session!.accountId !== undefined && decodeJwt(params!.id_token_hint).sub !== session!.accountId))
  // First: with `prompt=none` the error response has the first reason.
  for (const [why, reason] of Object.entries(reasons)) {
    const [error, description] = why === 'unavailable'
      ? ['temporarily_unavailable', 'whether the grant is allowed could not be checked']
      : ['access_denied', 'the grant is not allowed any more']
    policy.get('consent')!.checks.add(check(reason, description!, error!, ctx => refusalOf(ctx) === why), 0)
  }
  return policy
}

/** Whether an interaction asks for another account than the one that is signed in (`id_token_hint`). */
export function asksForAnother ({ prompt }: Pick<OidcInteraction, 'prompt'>): boolean {
  return prompt.reasons.includes(anotherSubject)
}

/** Why the grant of an interaction was not used again; `null` when the interaction has another reason. */
export function refusalOfInteraction ({ prompt }: Pick<OidcInteraction, 'prompt'>): AutomaticRefusal | null {
  return (Object.keys(reasons) as AutomaticRefusal[]).find(why => prompt.reasons.includes(reasons[why])) ?? null
}

/**
 * @returns `null` for a grant of another state of impersonation, whose user is asked for a grant of their own; and for an approval
 * that was given again, which allows a new grant only
 */
export function automaticRefusal (reason: GrantReason): AutomaticRefusal | null {
  if (reason === 'grant_foreign' || reason === 'approval_younger') return null
  if (reason === 'lookup_failed') return 'unavailable'
  return reason === 'not_approved' ? reason : 'refused'
}
