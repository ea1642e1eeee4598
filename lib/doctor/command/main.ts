#!/usr/bin/env node
import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { CommandProcess } from './command.ts'
import { runCommand } from './command.ts'

/** The process that a program runs in. */
export interface ProgramProcess extends CommandProcess {
  readonly argv: readonly string[]
  readonly stdin: CommandProcess['stdin'] & { destroy (): unknown }
  exitCode?: number | string | null | undefined
}

/** Runs the command, where this file is the program of the process and not a module of another one. */
export async function runProgram (url: string, process: ProgramProcess): Promise<void> {
  const [, program, ...args] = process.argv
  // The program that npm installs in node_modules/.bin is a link.
  if (program === undefined || realpathSync(program) !== fileURLToPath(url)) return
  process.exitCode = await runCommand(args, process)
  // A terminal that was read from would keep the process.
  process.stdin.destroy()
}

await runProgram(import.meta.url, process)
