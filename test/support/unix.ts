import { notTested } from './missing-part.ts'

/**
 * For the `skip` of a test that needs Unix: why it cannot be run here, `false` when it can.
 *
 * @param what the part of Unix that the test needs
 */
export function missingUnix (what: string, platform: NodeJS.Platform = process.platform): string | false {
  return platform === 'win32' ? notTested(`Windows has no ${what}`) : false
}
