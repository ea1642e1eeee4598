import type { Check } from './check.ts'
import { addressChecks } from './checks/addresses.ts'
import { authorizationServerChecks } from './checks/authorization-server.ts'
import { browserChecks } from './checks/browsers.ts'
import { documentMemberChecks } from './checks/document-members.ts'
import { documentChecks } from './checks/document.ts'
import { dpopChecks } from './checks/dpop.ts'
import { invalidTokenChecks } from './checks/invalid-token.ts'
import { mcpChecks } from './checks/mcp.ts'
import { noTokenChecks } from './checks/no-token.ts'
import { serverChecks } from './checks/server.ts'
import { yourTokenChecks } from './checks/your-token.ts'

/** Every check, in the order of the report. */
export const allChecks: readonly Check[] = [
  ...serverChecks, ...noTokenChecks, ...documentChecks, ...documentMemberChecks, ...authorizationServerChecks, ...invalidTokenChecks,
  ...yourTokenChecks, ...addressChecks, ...browserChecks, ...dpopChecks, ...mcpChecks
]
