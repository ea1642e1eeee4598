import { isOAuthResourceError } from '../../lib/errors/errors.ts'

/** The reason for which a call was refused, `null` when it was not; whatever else is thrown stays thrown. */
export function reasonOf (call: () => unknown): string | null {
  try {
    call()
    return null
  } catch (error) {
    if (isOAuthResourceError(error)) return error.reason
    throw error
  }
}

export async function reasonOfAsync (call: () => Promise<unknown>): Promise<string | null> {
  try {
    await call()
    return null
  } catch (error) {
    if (isOAuthResourceError(error)) return error.reason
    throw error
  }
}
