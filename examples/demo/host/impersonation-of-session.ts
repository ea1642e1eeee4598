import type { Impersonation } from '../../../plugins/entry-points/impersonation.ts'
import type { Host } from './host.ts'
import type { BrowserSession } from './sessions.ts'

/** Whether the impersonation that a grant or token was made in goes on; one without a session does not. */
export async function isRunning ({ impersonations }: Host, session: string | null | undefined): Promise<boolean> {
  return typeof session === 'string' && await impersonations.isRunning(session)
}

/** Who impersonates whom in a browser session, in the terms of the guard. */
export function impersonationIn ({ impersonations }: Host, browserSession: BrowserSession | null): Impersonation | null {
  if (browserSession?.impersonation == null) return null
  const { id, staff: member, customer, readOnly, endsAt } = browserSession.impersonation
  return {
    staff: member, customer, sessionId: id, readOnly, endsAt: endsAt.getTime(), idleTimeoutSeconds: impersonations.limits.idleSeconds
  }
}
