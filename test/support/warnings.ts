import { setImmediate } from 'node:timers/promises'

interface Teardown {
  teardown (end: () => unknown): unknown
}

/** The messages of the process warnings of our stores from now on, until the test ends. */
export function warningsOf (t: Teardown): string[] {
  const messages: string[] = []
  const listen = (warning: Error & { code?: string }): void => {
    if (warning.name === 'OAuthStoreWarning') messages.push(warning.message)
  }
  process.on('warning', listen)
  t.teardown(() => process.off('warning', listen))
  return messages
}

/** Lets what was queued happen, warnings among it. */
export async function turns (): Promise<void> {
  for (let i = 0; i < 3; i++) await setImmediate()
}
