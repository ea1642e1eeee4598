import type { Readable } from 'node:stream'

/**
 * Reads a body to its end.
 *
 * @param maxMs how long it may take, `null` for as long as the server allows
 * @returns `null` for a body that is too long or too slow; the rest of it is then still to be read
 * @throws Error when the connection ends before the body does
 */
export function readBody (source: Readable, maxBytes: number, maxMs: number | null = null): Promise<Buffer | null> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    const settle = (act: () => void): void => {
      clearTimeout(timer)
      source.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose)
      act()
    }
    const giveUp = (): void => settle(() => resolve(null))
    const onData = (chunk: Buffer): void => {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > maxBytes) giveUp()
    }
    const onEnd = (): void => settle(() => resolve(Buffer.concat(chunks)))
    const onError = (error: Error): void => settle(() => reject(error))
    const onClose = (): void => onError(new Error('the connection ended before the body'))
    const timer = maxMs === null ? undefined : setTimeout(giveUp, maxMs)
    if (source.destroyed || source.readableEnded) return onClose()
    source.on('data', onData).once('end', onEnd).once('error', onError).once('close', onClose)
  })
}
