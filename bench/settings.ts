/** A number from the environment, so that a run can be made longer on a noisy machine. */
export function setting (name: string, fallback: number): number {
  const value = Number(process.env[name] ?? fallback)
  if (!(value > 0)) throw new RangeError(`${name} must be a number above 0, and is ${process.env[name]}`)
  return value
}
