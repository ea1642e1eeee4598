/** One token again and again, in one process: what the cache of verified tokens is worth. */
import { checks, compareChecks } from './support/in-process.js'
import { createTokens } from './support/issuer.js'
import { testIssuer } from './support/ours.js'
import { runAlone } from './support/report.js'
import { amount, rounds } from './support/settings.js'

export async function bench () {
  const rawTokens = createTokens(testIssuer, 'RS256', amount(2000))
  const [hot] = rawTokens
  const cached = Array.from({ length: amount(40_000) }, () => hot)
  const checked = cached.slice(0, amount(2000))
  return [await compareChecks({
    title: 'A hot token, in process',
    unit: 'CPU, × one raw RS256 check',
    limit: 0.02,
    alg: 'RS256',
    rounds,
    rawTokens,
    warmUp: cached.slice(0, 2000),
    contenders: [
      { name: 'this package, on one connection', role: 'ours', make: checks.oursOnConnection(), tokens: cached },
      { name: 'this package, on any connection', role: 'ours', make: checks.ours(), tokens: cached },
      { name: 'fast-jwt with its cache', role: 'peer', make: checks.fastJwt('RS256', { cache: 1000 }), tokens: cached },
      { name: 'fast-jwt', role: 'peer', make: checks.fastJwt('RS256'), tokens: checked },
      { name: 'aws-jwt-verify', role: 'peer', make: checks.awsJwtVerify(), tokens: checked },
      { name: 'jose, remote key set', role: 'peer', make: checks.joseRemote(), tokens: checked }
    ]
  })]
}

await runAlone(import.meta, bench)
