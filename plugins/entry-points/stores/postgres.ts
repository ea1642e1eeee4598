export { createPostgresOrganizationDirectory } from '../../../lib/stores/organizations/postgres-organization-directory.ts'
export type {
  PostgresClient, PostgresOrganizationDirectoryOptions
} from '../../../lib/stores/organizations/postgres-organization-directory.ts'
