import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'

/** Of util-linux, which every Debian has. */
const setpriv = '/usr/bin/setpriv'

export interface Daemon {
  /** Ends it and waits until it is gone. */
  stop (signal?: NodeJS.Signals): Promise<void>
  /** Sends a signal and does not wait: `SIGSTOP` makes it hang, `SIGCONT` lets it go on. */
  signal (signal: NodeJS.Signals): void
}

/** It ended before it was ready; `output` is all that it wrote. */
export class DaemonEndedError extends Error {
  readonly output: string

  constructor (command: string, output: string) {
    super(`${command} ended before it was ready:\n${output}`)
    this.output = output
  }
}

/**
 * Starts a server and waits until it says that it is ready. It does not outlive this process, as far as that can be
 * helped.
 *
 * @throws DaemonEndedError
 */
export async function startDaemon (
  command: string, args: readonly string[], ready: RegExp, options: SpawnOptions = {}
): Promise<Daemon> {
  // A test that is killed has no time to end what it started; where the system can do it, it does.
  const [program, words] = existsSync(setpriv) ? [setpriv, ['--pdeathsig', 'KILL', '--', command, ...args]] : [command, args]
  const child = spawn(program, words, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  const kill = (): void => { child.kill('SIGKILL') }
  process.once('exit', kill)
  const gone = new Promise<void>(resolve => {
    child.once('error', () => resolve())
    child.once('close', () => resolve())
  }).then(() => { process.removeListener('exit', kill) })
  await untilReady(child, command, ready)
  return {
    async stop (signal = 'SIGTERM') {
      child.kill(signal)
      // One that was made to hang would never see another signal.
      if (signal !== 'SIGKILL') child.kill('SIGCONT')
      await gone
    },
    signal: signal => { child.kill(signal) }
  }
}

async function untilReady (child: ChildProcess, command: string, ready: RegExp): Promise<void> {
  let output = ''
  await new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        // It is read to the end, or the server would stop at a full pipe.
        if (output.length < 100_000) output += text
        if (ready.test(output)) resolve()
      })
    }
    child.once('error', error => reject(new DaemonEndedError(command, String(error))))
    child.once('close', () => reject(new DaemonEndedError(command, output)))
  })
}

/** Waits until a port of this machine accepts connections: some servers say that they are ready before they listen. */
export async function untilListening (port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    const isOpen = await once(socket, 'connect').then(() => true, () => false)
    socket.destroy()
    if (isOpen) return
  }
}

/** Runs a program to its end. @throws DaemonEndedError when it fails */
export async function runOnce (command: string, args: readonly string[], options: SpawnOptions = {}): Promise<void> {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout!, child.stderr!]) stream.setEncoding('utf8').on('data', (text: string) => { output += text })
  const [code] = await once(child, 'close') as [number | null]
  if (code !== 0) throw new DaemonEndedError(command, output)
}
