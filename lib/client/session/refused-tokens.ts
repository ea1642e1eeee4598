/** Refused tokens that are remembered. They come back from nowhere but a store that went back in time. */
const mostRefused = 1000

/** The access tokens that were rejected: none of them is given again. */
export interface RefusedTokens {
  has (accessToken: string): boolean
  /** @returns whether that is new */
  add (accessToken: string): boolean
}

export function createRefusedTokens (): RefusedTokens {
  const refused = new Set<string>()
  return {
    has: accessToken => refused.has(accessToken),
    add (accessToken) {
      const isNew = !refused.has(accessToken)
      refused.add(accessToken)
      if (refused.size > mostRefused) refused.delete(refused.values().next().value!)
      return isNew
    }
  }
}
