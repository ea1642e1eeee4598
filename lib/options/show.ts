/** Members of a JWK that are private or secret (RFC 7518 section 6), and names that a secret is likely kept under. */
const secretName = /^(?:d|p|q|dp|dq|qi|oth|k|headers|authorization|cookie|nonce)$|secret(?!Header)|password|passphrase|private_?key|credential|api_?key|(?:access|refresh)_?token$/i

/** Whether the value of an option with this name must not be printed. */
export function isSecretName (name: string): boolean {
  return secretName.test(name)
}

/**
 * A value as a message can show it: short, without private keys and other secrets, and without the password of a URL.
 * It is meant for what the developer wrote into options, and not for what strangers send.
 */
export function show (value: unknown): string {
  if (typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint') return kindOf(value)
  if (typeof value === 'number' || value === undefined) return String(value)
  let text: string
  try {
    text = JSON.stringify(value, (key, member: unknown) => isSecretName(key) ? '***' : member) ?? kindOf(value)
  } catch {
    text = kindOf(value)
  }
  text = text.replace(/\/\/[^/?#@"]*@/g, '//***@').replace(/-----BEGIN [A-Z ]*PRIVATE KEY[^"]*/g, '***')
  return text.length > 120 ? `${text.slice(0, 117)}...` : text
}

/** What a value is, for messages that must not show it: `a string`, `an array`. */
export function kindOf (value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (value === '') return 'an empty string'
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
