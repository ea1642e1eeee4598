export { createFileConnectionStore } from '../../../lib/stores/connections/file-connection-store.ts'
export type { FileConnectionStoreOptions } from '../../../lib/stores/connections/file-connection-store.ts'
export { createFileTokenStore } from '../../../lib/stores/tokens/file-token-store.ts'
export type { FileTokenStoreOptions } from '../../../lib/stores/tokens/file-token-store.ts'
