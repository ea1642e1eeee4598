import type { Readable } from 'node:stream'
import { PassThrough } from 'node:stream'

/** What a caller sends. */
export type RequestBody =
  | { readonly kind: 'none' }
  /** Small enough to be kept, so that it can be sent again. */
  | { readonly kind: 'kept', readonly bytes: Buffer }
  /** Sent on as it comes: it is gone when it was sent. */
  | { readonly kind: 'passing', readonly stream: Readable, readonly length: number | null }

/**
 * Keeps a body that has at most so many bytes. A longer one is let through as it comes, no further ahead of its reader
 * than streams are.
 *
 * @param length what `Content-Length` says; `null` when it says nothing
 * @throws whatever the source ends with before its end
 */
export async function readBody (source: Readable, length: number | null, keptBytes: number): Promise<RequestBody> {
  if (length !== null && length > keptBytes) return { kind: 'passing', stream: passing(source, []), length }
  const chunks: Buffer[] = []
  const isWhole = await collect(source, chunks, keptBytes)
  return isWhole ? { kind: 'kept', bytes: Buffer.concat(chunks) } : { kind: 'passing', stream: passing(source, chunks), length }
}

/**
 * Reads until there are more bytes than that or it takes longer than that, and then pauses.
 *
 * @returns whether the source has ended
 */
export function collect (source: Readable, chunks: Buffer[], maxBytes: number, maxMs: number | null = null): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let bytes = 0
    const stop = (): void => {
      source.pause()
      settle(() => resolve(false))
    }
    const timer = maxMs === null ? undefined : setTimeout(() => stop(), maxMs)
    const settle = (act: () => void): void => {
      clearTimeout(timer)
      source.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose)
      act()
    }
    const onData = (chunk: Buffer): void => {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > maxBytes) stop()
    }
    const onEnd = (): void => settle(() => resolve(true))
    const onError = (error: Error): void => settle(() => reject(error))
    const onClose = (): void => settle(() => reject(new Error('the stream was closed before its end')))
    if (source.closed) return onClose()
    source.on('data', onData).once('end', onEnd).once('error', onError).once('close', onClose)
  })
}

/** A stream of its own, as whoever reads it may destroy it, and the connection of the caller has still to bring the answer. */
function passing (source: Readable, first: readonly Buffer[]): Readable {
  const stream = new PassThrough()
  for (const chunk of first) stream.write(chunk)
  const onGone = (): void => {
    if (!source.readableEnded) stream.destroy(new Error('the caller was gone before the end of the body'))
  }
  source.once('close', onGone).once('error', onGone)
  stream.on('error', () => {}).once('close', () => {
    source.off('close', onGone).off('error', onGone).unpipe(stream)
    // What nobody wants has to be read all the same, or the next request of the connection would never be seen.
    source.resume()
  })
  source.pipe(stream)
  return stream
}
