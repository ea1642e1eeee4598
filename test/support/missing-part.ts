import { accessSync, constants, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** What some tests need beyond Node.js, and where it is found. */
interface Part {
  readonly what: string
  /** A path that is taken as it is. */
  readonly variable: string
  readonly names: readonly string[]
  /** Folders beside those of `PATH`, the best one first. */
  readonly folders: () => readonly string[]
  readonly install: string
}

const parts = {
  redis: {
    what: 'a Redis or Valkey server',
    variable: 'REDIS_SERVER',
    names: ['redis-server', 'valkey-server'],
    folders: () => [],
    install: 'apt-get install redis-server'
  },
  postgres: {
    what: 'a PostgreSQL server',
    variable: 'POSTGRES_SERVER',
    names: ['postgres'],
    // Debian keeps them off the path, a folder for each version.
    folders: () => foldersIn('/usr/lib/postgresql').sort((a, b) => Number(b) - Number(a)).map(version => `/usr/lib/postgresql/${version}/bin`),
    install: 'apt-get install postgresql'
  },
  chromium: {
    what: 'Chromium or Chrome',
    variable: 'CHROMIUM',
    names: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
    folders: () => ['/Applications/Google Chrome.app/Contents/MacOS'],
    install: 'apt-get install chromium'
  },
  nginx: {
    what: 'nginx',
    variable: 'NGINX',
    names: ['nginx'],
    folders: () => ['/usr/sbin'],
    install: 'apt-get install nginx'
  },
  haproxy: {
    what: 'HAProxy',
    variable: 'HAPROXY',
    names: ['haproxy'],
    folders: () => ['/usr/sbin'],
    install: 'apt-get install haproxy'
  }
} satisfies Record<string, Part>

export type PartName = keyof typeof parts

/** Where a program is; `null` when it is not on this machine. */
export function findPart (name: PartName): string | null {
  const { variable, names, folders }: Part = parts[name]
  const given = process.env[variable]
  if (given !== undefined && given !== '') return given
  const places = [...(process.env.PATH ?? '').split(delimiter).filter(folder => folder !== ''), ...folders()]
  return names.flatMap(program => places.map(folder => join(folder, program))).find(isExecutable) ?? null
}

/**
 * For the `skip` of a test: why it cannot be run here, `false` when it can. Under `CI_REQUIRES_PARTS=1` a part that is
 * missing is an error: a run that is trusted must not have left out the half of it.
 */
export function missingPart (name: PartName): string | false {
  if (findPart(name) !== null) return false
  const { what, install, variable } = parts[name]
  return notTested(`${what} is not on this machine: ${install}, or say where it is by ${variable}`)
}

/** The same for a part that is not a program. */
export function notTested (reason: string): string {
  if (process.env.CI_REQUIRES_PARTS === '1') throw new Error(reason)
  process.stderr.write(`\nNOT TESTED: ${reason}\n`)
  return reason
}

function foldersIn (path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

function isExecutable (path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
