import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, readdir, realpath, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { run } from '../support/child.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const hosts = fileURLToPath(new URL('./', import.meta.url))
/** The application of the hosts `nest-…`: the example itself, so that it is what users read. */
const nestExample = join(root, 'examples/nestjs.ts')

/** The folders of the hosts, by name. */
export async function hostNames (): Promise<string[]> {
  const entries = await readdir(hosts, { withFileTypes: true })
  return entries.filter(entry => entry.isDirectory()).map(entry => entry.name).sort()
}

/** Whether packages can be installed here. */
export async function hasRegistry (): Promise<boolean> {
  const { exitCode } = await run('npm', ['view', 'fastify', 'version', '--fetch-retries=0', '--fetch-timeout=10000'], { cwd: tmpdir(), timeoutMs: 20_000 })
  return exitCode === 0
}

/**
 * A folder with all hosts, the dependencies of each from the registry, and this package as it would be published. It is
 * outside of the repository, as Node.js looks for packages in every folder above, and is kept for as long as neither
 * the package nor a host changes.
 *
 * @throws Error with the output of npm
 */
export async function installHosts (): Promise<string> {
  const tarball = await packedPackage()
  const names = await hostNames()
  const sources = (await Promise.all(names.map(name => filesOf(join(hosts, name))))).flat()
  const folder = join(await realpath(tmpdir()), `oauth-hosts-${await hashOf([tarball, nestExample, ...sources])}`)
  if (existsSync(folder)) return folder
  const work = await mkdtemp(`${folder}-`)
  for (const name of names) await cp(join(hosts, name), join(work, name), { recursive: true })
  const nest = await compileNestExample()
  for (const name of names.filter(isNest)) await writeFile(join(work, name, 'main.js'), nest)
  await writeFile(join(work, 'package.json'), JSON.stringify({
    name: 'hosts', private: true, workspaces: names, dependencies: { 'fastify-oauth-resource-server': `file:${tarball}` }
  }))
  await removeOld('oauth-hosts-')
  await npm(['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', '--legacy-peer-deps'], work)
  return await putInPlace(work, folder)
}

function isNest (name: string): boolean {
  return name.startsWith('nest-')
}

async function compileNestExample (): Promise<string> {
  const { ESNext: module } = ts.ModuleKind
  const compilerOptions = { module, target: ts.ScriptTarget.ES2022, experimentalDecorators: true, verbatimModuleSyntax: true }
  return ts.transpileModule(await readFile(nestExample, 'utf8'), { compilerOptions }).outputText
}

/** What the type checker says about the example, with the types of a NestJS that is installed in a folder of `installHosts`. */
export async function checkNestExample (folder: string, name: string): Promise<string[]> {
  const file = join(folder, name, 'main.ts')
  await cp(nestExample, file)
  const program = ts.createProgram([file], {
    module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022, strict: true, experimentalDecorators: true, skipLibCheck: true, noEmit: true,
    // The types of Node.js are those of this repository.
    typeRoots: [join(root, 'node_modules/@types')], types: ['node']
  })
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
}

/** A Node.js that is as new as a host needs it: this one, or one from the registry. */
export async function nodeFor (folder: string, name: string): Promise<string> {
  const { engines } = JSON.parse(await readFile(join(folder, name, 'package.json'), 'utf8')) as { engines?: { node: string } }
  const oldest = Number(/\d+/.exec(engines?.node ?? '0')![0])
  if (Number(process.versions.node.split('.')[0]) >= oldest) return process.execPath
  const { exitCode, stdout, stderr } = await run('npx', ['-y', '-p', `node@${oldest}`, 'node', '--print', 'process.execPath'], { cwd: tmpdir() })
  if (exitCode !== 0) throw new Error(stderr)
  return stdout.trim()
}

/** What `npm pack` makes of the sources, built from a copy: other tests, and people, may be using what `dist` holds. */
async function packedPackage (): Promise<string> {
  const sources = (await Promise.all(['lib', 'plugins', 'sql'].map(folder => filesOf(join(root, folder))))).flat()
  const folder = join(await realpath(tmpdir()), `oauth-packed-${await hashOf([...sources, join(root, 'package.json'), join(root, 'tsconfig.build.json')])}`)
  if (!existsSync(folder)) {
    const work = await mkdtemp(`${folder}-`)
    const source = join(work, 'source')
    const left = new Set(['.git', '.tap', 'dist', 'node_modules', 'test'])
    await cp(root, source, { recursive: true, filter: path => !left.has(relative(root, path)) })
    await symlink(join(root, 'node_modules'), join(source, 'node_modules'))
    const packed = join(work, 'packed')
    await mkdir(packed)
    await npm(['pack', '--pack-destination', packed], source)
    await putInPlace(packed, folder)
    await rm(work, { recursive: true })
    await removeOld('oauth-packed-')
  }
  return join(folder, (await readdir(folder))[0]!)
}

/** Those of earlier sources, unless a test that runs now may use them. */
async function removeOld (prefix: string): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const path = join(tmpdir(), name)
    if (name.startsWith(prefix) && Date.now() - (await stat(path)).mtimeMs > 3_600_000) await rm(path, { recursive: true, force: true })
  }
}

/** Another process may have been faster. */
async function putInPlace (work: string, folder: string): Promise<string> {
  try {
    await rename(work, folder)
  } catch {
    await rm(work, { recursive: true })
  }
  return folder
}

async function npm (args: readonly string[], cwd: string): Promise<void> {
  const { exitCode, stdout, stderr } = await run('npm', args, { cwd })
  if (exitCode !== 0) throw new Error(`npm ${args.join(' ')}\n${stdout}\n${stderr}`)
}

async function filesOf (folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name)).sort()
}

async function hashOf (paths: readonly string[]): Promise<string> {
  const hash = createHash('sha256')
  for (const path of paths) hash.update(relative(dirname(root), path)).update('\0').update(await readFile(path)).update('\0')
  return hash.digest('hex').slice(0, 16)
}
