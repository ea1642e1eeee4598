/**
 * The known word that was likely meant; `null` when none is near: the same word in another spelling (`client_id`), the
 * beginning or the end of one (`timeout` for `timeoutMs`), or a word with a typing error in every three letters at most.
 */
export function suggest (word: string, known: readonly string[]): string | null {
  const plain = plainOf(word)
  if (plain === '') return null
  const near = known
    .map(candidate => ({ candidate, distance: distanceOf(plain, plainOf(candidate)) }))
    .filter(({ distance }) => distance <= Math.max(1, Math.floor(plain.length / 3)))
    .sort((one, other) => one.distance - other.distance)[0]
  if (near !== undefined) return near.candidate
  const longer = known.filter(candidate => plain.length > 2 && (plainOf(candidate).startsWith(plain) || plainOf(candidate).endsWith(plain)))
  return longer.length === 1 ? longer[0]! : null
}

/** ` Did you mean "scopes"?`, or nothing: what a message ends with. */
export function didYouMean (word: string, known: readonly string[]): string {
  const meant = suggest(word, known)
  return meant === null ? '' : ` Did you mean ${JSON.stringify(meant)}?`
}

function plainOf (word: string): string {
  return word.toLowerCase().replace(/[^a-z0-9]/g, '')
}

/** Letters to add, drop, replace or exchange with their neighbour (optimal string alignment). */
function distanceOf (one: string, other: string): number {
  let before: number[] = []
  let last = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let i = 1; i <= one.length; i++) {
    const row = [i]
    for (let j = 1; j <= other.length; j++) {
      const same = one[i - 1] === other[j - 1]
      const swapped = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]
      row.push(Math.min(
        last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1), swapped ? before[j - 2]! + 1 : Infinity))
    }
    before = last
    last = row
  }
  return last[other.length]!
}
