import { EventEmitter } from 'node:events'
import { test } from 'tap'
import type { Schedule, StreamResponse } from '../../../lib/mcp/streams.ts'
import { createMcpStreams } from '../../../lib/mcp/streams.ts'
import type { AccessToken } from '../../../lib/token/access-token.ts'
import type { TestClock } from '../../support/clock.ts'
import { createTestClock } from '../../support/clock.ts'

class FakeResponse extends EventEmitter implements StreamResponse {
  headersSent: boolean
  writableEnded = false

  constructor (headersSent = true) {
    super()
    this.headersSent = headersSent
  }

  end (): void {
    this.writableEnded = true
  }
}

/** Timers that go off when the test clock reaches them. */
function createTimers (clock: TestClock): { schedule: Schedule, delays: number[], advance (seconds: number): void, readonly pending: number } {
  const timers = new Set<{ at: number, callback (): void }>()
  const delays: number[] = []
  return {
    delays,
    get pending () { return timers.size },
    schedule (callback, delayMs) {
      const timer = { at: clock.now() + delayMs, callback }
      timers.add(timer)
      delays.push(delayMs)
      return () => timers.delete(timer)
    },
    advance (seconds) {
      clock.advance(seconds)
      for (const timer of [...timers]) {
        if (timer.at > clock.now()) continue
        timers.delete(timer)
        timer.callback()
      }
    }
  }
}

const stream = { accessToken: null, sessionId: null }

test('a stream ends at its deadline [MCPS-32]', t => {
  const clock = createTestClock()
  const timers = createTimers(clock)
  const streams = createMcpStreams(clock, timers.schedule)
  const response = new FakeResponse()
  streams.add(response, stream, clock.now() + 60_000)
  timers.advance(59)
  t.equal(response.writableEnded, false)
  timers.advance(1)
  t.equal(response.writableEnded, true)
  t.doesNotThrow(() => response.emit('error', new Error('write after end')), 'whoever still writes ends nothing but the stream')
  response.emit('close')
  t.equal(streams.size, 0)
  t.end()
})

test('a stream that closes before its deadline leaves no timer', t => {
  const clock = createTestClock()
  const timers = createTimers(clock)
  const streams = createMcpStreams(clock, timers.schedule)
  const response = new FakeResponse()
  streams.add(response, stream, clock.now() + 60_000)
  t.same([streams.size, timers.pending], [1, 1])
  response.emit('close')
  t.same([streams.size, timers.pending], [0, 0])
  t.end()
})

for (const [name, state] of [['its connection', { destroyed: true }], ['its stream of HTTP/2', { stream: { destroyed: true } }]] as const) {
  test(`a response that had closed before it was added is not kept: ${name}`, t => {
    const clock = createTestClock()
    const timers = createTimers(clock)
    const streams = createMcpStreams(clock, timers.schedule)
    streams.add(Object.assign(new FakeResponse(), state), stream, clock.now() + 1000)
    t.same([streams.size, timers.pending], [0, 0])
    t.end()
  })
}

test('a stream of a token that never expires has no timer', t => {
  const clock = createTestClock()
  const timers = createTimers(clock)
  createMcpStreams(clock, timers.schedule).add(new FakeResponse(), stream, Infinity)
  t.equal(timers.pending, 0)
  t.end()
})

test('a deadline further away than a timer can wait is reached in steps', t => {
  const clock = createTestClock()
  const timers = createTimers(clock)
  const response = new FakeResponse()
  createMcpStreams(clock, timers.schedule).add(response, stream, clock.now() + 40 * 86_400_000)
  timers.advance(25 * 86_400)
  t.same([response.writableEnded, timers.delays[0]], [false, 2 ** 31 - 1])
  timers.advance(15 * 86_400)
  t.equal(response.writableEnded, true)
  t.end()
})

test('a timer that fires early does not end a stream', t => {
  const clock = createTestClock()
  const callbacks: Array<() => void> = []
  const response = new FakeResponse()
  createMcpStreams(clock, callback => {
    callbacks.push(callback)
    return () => {}
  }).add(response, stream, clock.now() + 10)
  callbacks[0]!()
  t.same([response.writableEnded, callbacks.length], [false, 2])
  t.end()
})

test('a response that has not begun at its deadline is ended once it begins', t => {
  const clock = createTestClock()
  const timers = createTimers(clock)
  const response = new FakeResponse(false)
  createMcpStreams(clock, timers.schedule).add(response, stream, clock.now() + 1000)
  timers.advance(1)
  timers.advance(1)
  t.equal(response.writableEnded, false)
  response.headersSent = true
  timers.advance(1)
  t.equal(response.writableEnded, true)
  t.end()
})

test('a response that has ended is left alone', t => {
  const clock = createTestClock()
  const timers = createTimers(clock)
  const response = new FakeResponse()
  response.writableEnded = true
  response.end = () => t.fail('ended twice')
  const streams = createMcpStreams(clock, timers.schedule)
  streams.add(response, stream, clock.now() + 1000)
  timers.advance(1)
  t.equal(streams.close(() => true), 1)
  t.end()
})

test('close ends the streams that its predicate selects and no others [MCPS-32]', t => {
  const clock = createTestClock()
  const timers = createTimers(clock)
  const streams = createMcpStreams(clock, timers.schedule)
  const responses = ['ann', 'bob', 'ann'].map(subject => {
    const response = new FakeResponse()
    streams.add(response, { accessToken: { subject } as unknown as AccessToken, sessionId: null }, clock.now() + 60_000)
    return response
  })
  t.equal(streams.close(({ accessToken }) => accessToken?.subject === 'ann'), 2)
  t.same(responses.map(({ writableEnded }) => writableEnded), [true, false, true])
  t.equal(timers.pending, 1, 'the timer of those that were closed is gone')
  t.end()
})

test('by default timers are those of Node.js', async t => {
  const response = new FakeResponse()
  const ended = new Promise<void>(resolve => { response.end = resolve })
  // Its own does not keep the process alive.
  const alive = setTimeout(() => {}, 10_000)
  createMcpStreams({ now: () => Date.now() }).add(response, stream, Date.now() + 1)
  await ended
  response.emit('close')
  clearTimeout(alive)
  t.pass()
})

test('by default the timer of a stream that has closed is cleared', t => {
  const started = t.capture(globalThis, 'setTimeout', setTimeout)
  const cleared = t.capture(globalThis, 'clearTimeout', clearTimeout)
  const response = new FakeResponse()
  createMcpStreams({ now: () => 0 }).add(response, stream, 1000)
  response.emit('close')
  t.equal(started().length, 1)
  t.equal(cleared().length, 1)
  t.end()
})
