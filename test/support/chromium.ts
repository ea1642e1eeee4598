import { findPart } from './missing-part.ts'

/**
 * How `playwright-core` starts the Chromium of this machine. Ask `missingPart('chromium')` before. It does not ask the
 * network for anything, and runs as root, too.
 */
export function chromiumOptions (): { executablePath: string, args: string[] } {
  return {
    executablePath: findPart('chromium') ?? 'chromium',
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'
    ]
  }
}
