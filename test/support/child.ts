import { execFile } from 'node:child_process'

export interface Ended {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export interface ChildOptions {
  cwd: string
  env?: NodeJS.ProcessEnv
  timeoutMs?: number
}

/**
 * Runs a program as a user would, to its end. tap puts its own loader into the `NODE_OPTIONS` of every process that a
 * test starts, where it would take part in what is tried; `env` takes it out again.
 */
export function run (command: string, args: readonly string[], { cwd, env = {}, timeoutMs = 180_000 }: ChildOptions): Promise<Ended> {
  return new Promise(resolve => {
    const options = { cwd, env: { ...process.env, ...env }, timeout: timeoutMs, maxBuffer: 16 * 1024 * 1024 }
    execFile('env', ['-u', 'NODE_OPTIONS', command, ...args], options, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      resolve({ exitCode, stdout, stderr: exitCode === -1 ? `${stderr}\n${String(error)}` : stderr })
    })
  })
}

/** The same, of a script for this very Node.js. */
export function runNode (args: readonly string[], options: ChildOptions): Promise<Ended> {
  return run(process.execPath, args, options)
}
