import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../clock.ts'

export interface DpopNonceSettings {
  /**
   * At least 32 bytes, the same at every server that answers for the resource: a nonce of one is good at the others.
   * `null`: of this process alone, and new with each start.
   */
  readonly secret: Uint8Array | null
  /** After this time another nonce is provided; the one before stays good for as long again. In milliseconds. */
  readonly rotateMs: number
}

/** Nonces for DPoP proofs (RFC 9449 sections 8 and 9), computed and not stored. */
export interface DpopNonces {
  /** The nonce that clients are provided with now. It has characters of the grammar of section 8.1 only. */
  current (): string
  /** Whether a nonce is the current one, or the one before it. */
  isGood (nonce: unknown): boolean
}

interface Generation {
  readonly number: number
  readonly current: Buffer
  readonly previous: Buffer
}

/** A nonce says nothing about the client: it shows that the proof was made in the last two periods. */
export function createDpopNonces ({ secret, rotateMs }: DpopNonceSettings, clock: Clock): DpopNonces {
  const key = secret ?? randomBytes(32)
  const nonceOf = (generation: number): Buffer =>
    Buffer.from(createHmac('sha256', key).update(`dpop-nonce ${rotateMs} ${generation}`).digest('base64url').slice(0, 32))
  let generation: Generation | null = null
  const generationOfNow = (): Generation => {
    const number = Math.floor(clock.now() / rotateMs)
    if (generation?.number !== number) generation = { number, current: nonceOf(number), previous: nonceOf(number - 1) }
    return generation
  }
  return {
    current: () => generationOfNow().current.toString('latin1'),
    isGood (nonce) {
      if (typeof nonce !== 'string' || nonce.length !== 32) return false
      const { current, previous } = generationOfNow()
      const given = Buffer.from(nonce, 'latin1')
      return given.length === 32 && (timingSafeEqual(given, current) || timingSafeEqual(given, previous))
    }
  }
}
