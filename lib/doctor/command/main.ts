#!/usr/bin/env node
import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { CommandProcess, TextOutput } from './command.ts'
import { runCommand } from './command.ts'

/** An output that says when a text was written. */
type FlushedOutput = TextOutput & { write (text: string, written?: () => void): unknown }

/** The process that a program runs in. */
export interface ProgramProcess extends CommandProcess {
  readonly argv: readonly string[]
  readonly stdout: FlushedOutput
  readonly stderr: FlushedOutput
  exitCode?: number | string | null | undefined
  exit (): unknown
}

/** Runs the command, where this file is the program of the process and not a module of another one. */
export async function runProgram (url: string, process: ProgramProcess): Promise<void> {
  const [, program, ...args] = process.argv
  // The program that npm installs in node_modules/.bin is a link.
  if (program === undefined || realpathSync(program) !== fileURLToPath(url)) return
  process.exitCode = await runCommand(args, process)
  // A terminal that was read from would keep the process, and so would a server that the file of --config has started.
  process.stdout.write('', () => process.stderr.write('', () => process.exit()))
}

await runProgram(import.meta.url, process)
