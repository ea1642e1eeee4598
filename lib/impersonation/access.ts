import type { GrantAccess } from '../stores/organizations/organization-directory.ts'

/**
 * Reads what a grant would reach. No level means everything: a grant that does not limit itself is not limited.
 *
 * @returns `null` for what cannot be read
 */
export function checkAccess (reach: unknown): GrantAccess | null {
  if (reach === undefined || reach === null) return { level: 'all' }
  const { level, organizations, teams } = reach as Record<string, unknown>
  if (level === undefined || level === null || level === 'all') return { level: 'all' }
  if (level === 'organization' && isListOfIds(organizations)) return { level, organizations }
  if (level === 'team' && isListOfIds(teams)) return { level, teams }
  return null
}

export function isListOfIds (value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(id => typeof id === 'string')
}
