/** In seconds. */
export const lifetimes = {
  accessToken: 15 * 60,
  /** Of a grant and its refresh tokens. */
  grant: 24 * 3600
} as const
