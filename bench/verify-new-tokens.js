/** Tokens that never repeat, in one process: what a check costs beyond the signature. */
import { checks, compareChecks } from './support/in-process.js'
import { createTokens } from './support/issuer.js'
import { testIssuer } from './support/ours.js'
import { runAlone } from './support/report.js'
import { amount, rounds } from './support/settings.js'

const limits = { RS256: 1.25, ES256: 1.1 }

export async function bench () {
  const results = []
  for (const alg of ['RS256', 'ES256']) {
    const tokens = createTokens(testIssuer, alg, amount(2000))
    // A server that has run for some seconds.
    const warmUp = createTokens(testIssuer, alg, amount(6000, 2000))
    const contenders = [
      { name: 'this package', role: 'ours', make: checks.ours() },
      { name: 'this package, `tokenCache: false`', role: 'ours', make: checks.ours({ tokenCache: false }) },
      { name: 'fast-jwt', role: 'peer', make: checks.fastJwt(alg) },
      { name: 'aws-jwt-verify', role: 'peer', make: checks.awsJwtVerify() },
      { name: 'jose, remote key set', role: 'peer', make: checks.joseRemote() },
      { name: 'jose, local key set', role: 'peer', make: checks.jose() }
    ].map(contender => ({ ...contender, tokens }))
    results.push(await compareChecks({
      title: `New tokens, in process, ${alg}`, unit: `CPU, × one raw ${alg} check`, limit: limits[alg], alg, contenders, rounds, warmUp, rawTokens: tokens
    }))
  }
  return results
}

await runAlone(import.meta, bench)
