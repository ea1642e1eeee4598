/** Fills a cache of verified tokens: `node --expose-gc cached-tokens.js <ours | fastJwt> <count>`; prints what it takes. */
import { PerformanceObserver } from 'node:perf_hooks'
import { bytesInUse } from './child.js'
import { checks } from './in-process.js'
import { createTokens } from './issuer.js'
import { testIssuer } from './ours.js'

const [name, count] = [process.argv[2], Number(process.argv[3])]
const make = name === 'ours' ? checks.ours({ tokenCache: { maxEntries: count, maxBytes: 2 ** 30 } }) : checks.fastJwt('ES256', { cache: count })
const check = await make()
let longestPauseMs = 0
let longestCheckMs = 0
new PerformanceObserver(list => {
  for (const { duration } of list.getEntries()) longestPauseMs = Math.max(longestPauseMs, duration)
}).observe({ entryTypes: ['gc'] })

/** Signed in slices, as the tokens themselves must not be what is measured. */
async function fill (tokens) {
  for (let done = 0; done < tokens; done += 1000) {
    for (const token of createTokens(testIssuer, 'ES256', Math.min(1000, tokens - done))) {
      const before = performance.now()
      const answer = check(token)
      if (answer instanceof Promise) await answer
      else longestCheckMs = Math.max(longestCheckMs, performance.now() - before)
    }
    await new Promise(resolve => setImmediate(resolve))
  }
}

await fill(2000)
const before = await bytesInUse()
longestPauseMs = 0
longestCheckMs = 0
await fill(count)
// The cache is full: each further token takes the place of another.
await fill(count / 5)
const pauses = { longestPauseMs, longestCheckMs }
const bytes = await bytesInUse() - before
console.log(JSON.stringify({ bytesPerToken: bytes / (count - Math.min(2000, count)), ...pauses }))
// Until here, the cache is in use.
await check(createTokens(testIssuer, 'ES256', 1)[0])
process.exit()
