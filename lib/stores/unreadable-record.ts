/** The `code` of the process warning about a stored record that cannot be read. */
const unreadableRecordWarning = 'FST_OAUTH_STORED_RECORD_UNREADABLE'

/**
 * Reports that a stored record cannot be read, once for each store, as a process warning. The store then behaves as if
 * there was no record: failing each time would leave no way to sign in again. The warning names the place and shows nothing
 * of the content, which may be a token.
 *
 * @param place the file or the key of the record
 * @param consequence what follows from it, without a full stop
 */
export function createUnreadableWarning (place: string, consequence = 'The user has to sign in again'): () => void {
  let isReported = false
  return () => {
    if (isReported) return
    isReported = true
    process.emitWarning(`${place} holds no record that can be read. It counts as empty. ${consequence}.`, {
      type: 'OAuthStoreWarning', code: unreadableRecordWarning
    })
  }
}
