/**
 * What a token endpoint said, for oauth4webapi to read, without what nobody here asked for.
 *
 * An ID token says who signed in, which is no matter to who only sends access tokens; one that cannot be checked, as its
 * algorithm is not in the metadata, would have the whole answer refused, and the tokens in it lost. A challenge is not
 * passed on either: the body says more, and would be read after it.
 */
export function tokenResponse (text: string, status: number, headers: Headers): Response {
  const answer = objectFrom(text)
  const passed = new Headers(headers)
  passed.delete('www-authenticate')
  if (answer === null || !Object.hasOwn(answer, 'id_token')) return new Response(text, { status, headers: passed })
  const { id_token: _unused, ...rest } = answer
  return new Response(JSON.stringify(rest), { status, headers: passed })
}

/**
 * The refresh token of a good answer, whatever else is wrong with it: by then the one that was shown may be used up.
 * `null` where there is none.
 */
export function refreshTokenIn (text: string, status: number): string | null {
  const value = status === 200 ? objectFrom(text)?.refresh_token : null
  return typeof value === 'string' && isSendable(value) ? value : null
}

/** Whether a token is of characters that can be sent (RFC 6749 appendix A.12 and A.17). */
export function isSendable (token: string): boolean {
  return /^[\x20-\x7e]+$/.test(token)
}

function objectFrom (text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Readonly<Record<string, unknown>> : null
  } catch {
    return null
  }
}
