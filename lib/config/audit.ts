import type { AuditLevel, AuditSettings } from '../audit/audit.ts'
import { defaultAuditSettings } from '../audit/audit.ts'
import { closed } from '../options/common-schemas.ts'
import type { OptionSchemas } from '../options/option-group.ts'
import { optionGroup } from '../options/option-group.ts'
import { Type } from '../options/type.ts'

export interface AuditOptions {
  /** What is logged of refusals and of decisions about grants. */
  audit?: {
    /** The level of every entry but one: a grant that was blocked is a warning. `silent`: nothing is logged. Default: `info`. */
    level?: AuditLevel
  }
}

/** @internal */
export const auditSchemas: OptionSchemas<keyof AuditOptions> = optionGroup<AuditOptions>()({
  audit: Type.Optional(Type.Object({
    level: Type.Optional(Type.Enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']))
  }, closed))
})

export function resolveAudit ({ audit = {} }: AuditOptions): AuditSettings {
  return Object.freeze({ level: audit.level ?? defaultAuditSettings.level })
}
