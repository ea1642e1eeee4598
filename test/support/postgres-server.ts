import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { runOnce, startDaemon } from './daemon.ts'
import { findPart, missingPart } from './missing-part.ts'

/** A database of the test's own on a real PostgreSQL. */
export interface PostgresServer {
  /** A connection string, as `pg` and the example server take it. */
  readonly url: string
  /** Ends it before the test does. */
  stop (): Promise<void>
}

interface Teardown {
  teardown (close: () => unknown): unknown
}

/** For the `skip` of a test: why there is no PostgreSQL here, `false` when there is one. */
export function missingPostgres (): string | false {
  return given() === null ? missingPart('postgres') : false
}

/**
 * Starts a cluster that is gone when the test ends. With `TEST_DATABASE_URL`, the test gets a new database on that
 * server, which is dropped when the test ends. Ask `missingPostgres()` before.
 */
export async function startPostgres (t: Teardown): Promise<PostgresServer> {
  const url = given()
  const server = url === null ? await startCluster() : await createDatabase(url)
  t.teardown(() => server.stop())
  return server
}

function given (): string | null {
  const url = process.env.TEST_DATABASE_URL
  return url === undefined || url === '' ? null : url
}

async function startCluster (): Promise<PostgresServer> {
  const postgres = findPart('postgres') ?? 'postgres'
  const owner = ordinaryUser()
  // A folder of root's own, which TMPDIR may be in, is closed to the other.
  const folder = await mkdtemp(join(owner === null ? tmpdir() : '/tmp', 'pg-'))
  if (owner !== null) await chown(folder, owner.uid, owner.gid)
  const data = join(folder, 'data')
  // Its messages are read, so they have to be in one language.
  const options = { ...owner, cwd: folder, env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' } }
  await runOnce(join(dirname(postgres), 'initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'], options)
  // Nobody but us can enter the folder of the socket. No port is taken, and nothing needs to survive a crash.
  const settings = [
    'listen_addresses=', `unix_socket_directories=${folder}`, 'fsync=off', 'synchronous_commit=off', 'full_page_writes=off',
    'max_connections=20', 'autovacuum=off', 'jit=off'
  ]
  const daemon = await startDaemon(postgres, ['-D', data, ...settings.flatMap(setting => ['-c', setting])],
    /ready to accept connections/, options)
  return {
    url: `postgresql://postgres@${encodeURIComponent(folder)}/postgres`,
    async stop () {
      await daemon.stop('SIGQUIT')
      await rm(folder, { recursive: true, force: true })
    }
  }
}

/** PostgreSQL refuses to run as root; `null` when we are not. */
function ordinaryUser (): { uid: number, gid: number } | null {
  if (process.getuid?.() !== 0) return null
  for (const name of ['postgres', 'nobody']) {
    try {
      const id = (flag: string): number => Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
      return { uid: id('-u'), gid: id('-g') }
    } catch {
      // There is no such user here.
    }
  }
  throw new Error('PostgreSQL does not run as root, and there is neither a user postgres nor nobody')
}

async function createDatabase (url: string): Promise<PostgresServer> {
  const name = `test_${randomBytes(8).toString('hex')}`
  await statement(url, `create database ${name}`)
  const own = new URL(url)
  own.pathname = `/${name}`
  return { url: own.href, stop: () => statement(url, `drop database if exists ${name} with (force)`) }
}

async function statement (url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}
