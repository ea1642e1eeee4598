// PLACEHOLDER until branch guard lands
import type { Impersonation as Base } from '../../plugins/index.ts'
export interface Impersonation extends Base { readonly sessionId: string, readonly readOnly: boolean, readonly endsAt: number, readonly idleTimeoutSeconds: number }
export type GrantStamp = Impersonation
export function stampOf (i: Impersonation): GrantStamp { return i }
export function mayReuse (stamp: GrantStamp | null, i: Impersonation | null): boolean {
  return stamp === null ? i === null : i !== null && i.staff === stamp.staff && i.customer === stamp.customer && i.sessionId === stamp.sessionId
}

export function lifetime (stamp: GrantStamp): number { return Math.max(1, Math.min(stamp.idleTimeoutSeconds, Math.floor((stamp.endsAt - Date.now()) / 1000))) }
