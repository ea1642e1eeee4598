/**
 * Measures all contenders in turn, round by round, so that whatever the machine does in the meantime falls on all of them.
 * Each round begins with another contender.
 *
 * @param contenders a list of `{ name, ... }`
 * @param measure returns what one contender takes, or an object of several measures
 * @param warmUps rounds that do not count
 * @returns a map of name to the values of the rounds
 */
export async function interleave (contenders, rounds, measure, warmUps = 0) {
  const samples = new Map(contenders.map(({ name }) => [name, []]))
  for (let round = -warmUps; round < rounds; round++) {
    for (let i = 0; i < contenders.length; i++) {
      const contender = contenders[(i + Math.max(round, 0) * 3) % contenders.length]
      const value = await measure(contender)
      if (round >= 0) samples.get(contender.name).push(value)
    }
  }
  return samples
}

/** Values over those of the base, each within its round. */
export function over (values, base) {
  return values.map((value, round) => value / base[round])
}

/** The CPU time of this process that a piece of work takes, user and system, in microseconds. */
export async function cpuOf (work) {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return user + system
}
