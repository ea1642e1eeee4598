import type { Readable } from 'node:stream'
import { PassThrough } from 'node:stream'

/** The body of a caller's request. */
export type RequestBody =
  | { readonly kind: 'none' }
  /** Small enough to be kept, so that it can be sent again. */
  | { readonly kind: 'kept', readonly bytes: Buffer }
  /** Streamed as it arrives, so that it can be sent only once. */
  | { readonly kind: 'passing', readonly stream: Readable, readonly length: number | null }

/**
 * Keeps a body in memory if it has at most `keptBytes` and arrives within `keptMs`. A larger or slower body is streamed, with
 * backpressure.
 *
 * @param length the `Content-Length`; `null` without one
 * @throws the error of the source stream
 */
export async function readBody (source: Readable, length: number | null, keptBytes: number, keptMs: number): Promise<RequestBody> {
  // Never removed: the source of an aborted request may emit its error late, and without a listener that ends the process.
  source.on('error', () => {})
  const bytes = length !== null && length > keptBytes ? null : await readWhole(source, keptBytes, keptMs)
  return bytes === null ? { kind: 'passing', stream: passing(source), length } : { kind: 'kept', bytes }
}

/**
 * Reads a stream to its end, if it has at most `maxBytes` and ends within `maxMs`.
 *
 * @returns `null` beyond these limits: the stream is paused, and what was read is put back
 * @throws the error of the stream
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
      // Synchronously: a stream whose last chunk was read would end before a promise callback runs.
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

/** A separate stream: the HTTP client may destroy it, and the caller's connection must stay open for the response. */
function passing (source: Readable): Readable {
  const stream = new PassThrough()
  const onGone = (): void => {
    if (!source.readableEnded) stream.destroy(new Error('the caller was gone before the end of the body'))
  }
  source.once('close', onGone).once('error', onGone)
  stream.on('error', () => {}).once('close', () => {
    source.off('close', onGone).off('error', onGone).unpipe(stream)
    // The rest must be read: otherwise the next request on this connection would never be parsed.
    source.resume()
  })
  source.pipe(stream)
  return stream
}
