import { verify } from 'node:crypto'
import { availableParallelism, cpus } from 'node:os'
import { createLocalJWKSet, jwtVerify } from 'jose'
import type { JSONWebKeySet } from 'jose'
import type { createResource } from '../lib/resource/create-resource.ts'
import type { resolveConfig } from '../lib/config/resolve.ts'
import type { AccessTokenVerifier } from '../plugins/index.ts'
import { built } from './built.ts'
import { createBenchIssuer, issuer as iss, resource } from './issuer.ts'
import type { Algorithm } from './issuer.ts'
import { setting } from './settings.ts'
import { median, printTable, spread } from './statistics.ts'

/** One way to check a token, made anew for each sample, so that no sample knows the tokens of the last. */
type Make = () => (token: string) => unknown

const rounds = setting('BENCH_ROUNDS', 11)
const count = setting('BENCH_TOKENS', 2000)
const issuer = createBenchIssuer()
const jwks = issuer.jwks as JSONWebKeySet

const { resolveConfig: resolve } = await built<{ resolveConfig: typeof resolveConfig }>('lib/config/resolve.js')
const { createResource: create } = await built<{ createResource: typeof createResource }>('lib/resource/create-resource.js')

function ours (options: object): AccessTokenVerifier['verify'] {
  return create(resolve({ resource, authorizationServers: [{ issuer: iss, jwks }], ...options }).config, { debug () {}, warn () {} }).verifier.verify
}

function rawVerify (alg: Algorithm): (token: string) => void {
  const key = { key: issuer.publicKey(alg), dsaEncoding: 'ieee-p1363' as const }
  return token => {
    const end = token.lastIndexOf('.')
    if (!verify('sha256', Buffer.from(token.slice(0, end)), key, Buffer.from(token.slice(end + 1), 'base64url'))) throw new Error('refused')
  }
}

function joseVerify (): (token: string) => Promise<unknown> {
  const keys = createLocalJWKSet(jwks)
  return token => jwtVerify(token, keys, { issuer: iss, audience: resource, typ: 'at+jwt' })
}

for (const alg of ['RS256', 'ES256'] as const) {
  const [first, ...tokens] = issuer.tokens(alg, count + 1) as [string, ...string[]]
  const hot = tokens.map(() => first)
  const contenders: ReadonlyArray<{ name: string, make: Make, load: readonly string[], us: number[] }> = [
    { name: 'one-shot `crypto.verify`, and nothing else', make: () => rawVerify(alg), load: tokens, us: [] },
    { name: 'this package, one hot token', make: () => ours({}), load: hot, us: [] },
    { name: 'this package, tokens that never repeat', make: () => ours({}), load: tokens, us: [] },
    { name: 'this package, the same without its cache', make: () => ours({ tokenCache: false }), load: tokens, us: [] },
    { name: '`jwtVerify` of jose, one hot token', make: joseVerify, load: hot, us: [] },
    { name: '`jwtVerify` of jose, tokens that never repeat', make: joseVerify, load: tokens, us: [] }
  ]
  for (let round = -1; round < rounds; round++) {
    for (const { make, load, us } of contenders) {
      const check = make()
      // The key is imported with the first token.
      await check(first)
      const before = process.cpuUsage()
      for (const token of load) {
        const answer = check(token)
        if (answer instanceof Promise) await answer
      }
      const { user, system } = process.cpuUsage(before)
      // The first round makes the code hot.
      if (round >= 0) us.push((user + system) / load.length)
    }
  }
  const raw = contenders[0]!.us
  console.log(`\n${alg}, Node.js ${process.version}, ${availableParallelism()} × ${cpus()[0]!.model}, ${rounds} rounds of ${count} tokens\n`)
  printTable(
    ['check', 'CPU µs', 'over one-shot `crypto.verify`'],
    contenders.map(({ name, us }) => [name, median(us).toFixed(1), spread(us.map((value, round) => value / raw[round]!))]))
}
