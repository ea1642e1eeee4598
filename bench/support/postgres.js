import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** The newest PostgreSQL that Debian or Ubuntu installed, or the one on the path; `null` for none. */
function findBinaries () {
  const root = '/usr/lib/postgresql'
  const [newest] = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : []
  if (newest !== undefined) return join(root, newest, 'bin')
  const folder = (process.env.PATH ?? '').split(':').find(path => existsSync(join(path, 'initdb')))
  return folder ?? null
}

/** PostgreSQL refuses to run as root. */
function ordinaryUser () {
  if (process.getuid?.() !== 0) return {}
  const id = flag => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

/**
 * Starts a server of the run's own, on a socket in a new folder, with its settings for durability off.
 *
 * @returns `null` where PostgreSQL is not installed
 */
export async function startPostgres () {
  const binaries = findBinaries()
  if (binaries === null) return null
  const owner = ordinaryUser()
  const folder = mkdtempSync('/tmp/bench-pg-')
  if (owner.uid !== undefined) chownSync(folder, owner.uid, owner.gid)
  const options = { ...owner, cwd: folder, env: { LC_ALL: 'C', TZ: 'UTC' } }
  const data = join(folder, 'data')
  execFileSync(join(binaries, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'], { ...options, stdio: 'ignore' })
  const settings = ['listen_addresses=', `unix_socket_directories=${folder}`, 'fsync=off', 'synchronous_commit=off', 'full_page_writes=off']
  const server = spawn(join(binaries, 'postgres'), ['-D', data, ...settings.flatMap(setting => ['-c', setting])], { ...options, stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  while (!log.includes('ready to accept connections')) log += String((await once(server.stderr, 'data'))[0])
  server.stderr.resume()
  return {
    host: folder,
    async stop () {
      server.kill('SIGQUIT')
      await once(server, 'exit')
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
