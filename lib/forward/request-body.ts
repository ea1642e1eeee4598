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
 * Keeps a body that has at most so many bytes, and is here within that time. Another is let through as it comes, no further ahead of its reader
 * than streams are.
 *
 * @param length what `Content-Length` says; `null` when it says nothing
 * @throws whatever the source ends with before its end
 */
export async function readBody (source: Readable, length: number | null, keptBytes: number, keptMs: number): Promise<RequestBody> {
  // For good: a request that breaks off tells so later on, when those who wanted to know have been told by the answer's end.
  source.on('error', () => {})
  const bytes = length !== null && length > keptBytes ? null : await readWhole(source, keptBytes, keptMs)
  return bytes === null ? { kind: 'passing', stream: passing(source), length } : { kind: 'kept', bytes }
}

/**
 * Reads a stream to its end, unless there are more bytes than that or it takes longer than that.
 *
 * @returns `null` where it was not read: the stream is as it was, and paused
 * @throws whatever it ends with before its end
 */
export function readWhole (source: Readable, maxBytes: number, maxMs: number | null = null): Promise<Buffer | null> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    const settle = (act: () => void): void => {
      clearTimeout(timer)
      source.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose)
      act()
    }
    const giveBack = (): void => {
      source.pause()
      // At once: a stream whose last chunk was taken ends before any promise is heard of.
      source.unshift(Buffer.concat(chunks))
      settle(() => resolve(null))
    }
    const onData = (chunk: Buffer): void => {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > maxBytes) giveBack()
    }
    const onEnd = (): void => settle(() => resolve(Buffer.concat(chunks)))
    const onError = (error: Error): void => settle(() => reject(error))
    const onClose = (): void => settle(() => reject(new Error('the stream was closed before its end')))
    const timer = maxMs === null ? undefined : setTimeout(giveBack, maxMs)
    if (source.closed) onClose()
    else source.on('data', onData).once('end', onEnd).once('error', onError).once('close', onClose)
  })
}

/** A stream of its own, as whoever reads it may destroy it, and the connection of the caller has still to bring the answer. */
function passing (source: Readable): Readable {
  const stream = new PassThrough()
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
