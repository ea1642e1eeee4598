const given = process.argv.slice(2)

/** `--quick`: a first impression within minutes, with fewer rounds and requests. */
export const quick = given.includes('--quick')

/** Names of benches, for `run.js`. */
export const names = given.filter(argument => !argument.startsWith('-'))

/** How many times each contender is measured. */
export const rounds = quick ? 3 : 7

/** A number of requests or tokens. */
export const amount = (full, short = Math.ceil(full / 4)) => quick ? short : full
