/**
 * Checks the types of the packed package as a strict project sees them, with several versions of TypeScript:
 *
 *     node scripts/check-types.js [version of TypeScript]...
 *
 * Every entry point is imported, from an ES module and from CommonJS, and mistakes in options have to be errors. It installs
 * from the npm registry into a folder of its own.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const versions = process.argv.length > 2 ? process.argv.slice(2) : ['5.4', '5.9', '6.0', '7.0']
const { name, exports, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const entryPoints = Object.entries(exports).filter(([, conditions]) => conditions.types !== undefined).map(([path]) => name + path.slice(1))
const work = mkdtempSync(join(tmpdir(), 'oauth-types-'))
// npm is a batch file on Windows, which only a shell starts.
const npm = (args, cwd) => execFileSync('npm', args, { cwd, stdio: ['ignore', 'ignore', 'inherit'], shell: process.platform === 'win32' })

const files = {
  'package.json': JSON.stringify({ name: 'consumer', private: true, type: 'module' }),
  'consumer.ts': `
import Fastify from 'fastify'
import oauthResourceServer, { isOAuthResourceError } from '${name}'
import type { OAuthResourceServerOptions } from '${name}'
${entryPoints.map((specifier, i) => `import * as part${i} from '${specifier}'`).join('\n')}
console.log(${entryPoints.map((_, i) => `part${i}`).join(', ')})

const options: OAuthResourceServerOptions = {
  resource: 'https://api.example.com', authorizationServers: ['https://login.example.com'], scopes: { read: 'Read' }
}
const app = Fastify()
await app.register(oauthResourceServer, options)
app.get('/', { config: { oauth: { scopes: ['read'], maxAgeSeconds: 300 } } }, async request => {
  const token = request.accessToken
  return [token?.scopes.includes('read'), token?.subject?.toUpperCase(), token?.claims['name'], app.oauthConfig.resource, request.impersonation?.staff]
})
app.get('/health', { config: { oauth: false } }, async () => 'ok')
app.setErrorHandler((error, _request, reply) => reply.send(isOAuthResourceError(error) ? error.code : error))

// @ts-expect-error: a misspelt option
export const misspelt: OAuthResourceServerOptions = { ...options, authorisationServers: [] }
export const algorithm: OAuthResourceServerOptions = {
  resource: 'https://api.example.com',
  // @ts-expect-error: a misspelt algorithm
  authorizationServers: [{ issuer: 'https://login.example.com', algorithms: ['RS265'] }]
}
// @ts-expect-error: a misspelt key of a route
app.get('/misspelt', { config: { oauth: { scope: ['read'] } } }, async () => 'ok')
// @ts-expect-error: a public route that requires scopes
app.get('/contradiction', { config: { oauth: { token: 'none', scopes: ['read'] } } }, async () => 'ok')
// @ts-expect-error: a property that the token does not have
app.get('/token', async request => request.accessToken?.scope)
`,
  'consumer.cts': `
import Fastify = require('fastify')
import plugin = require('${name}')
${entryPoints.map((specifier, i) => `import part${i} = require('${specifier}')`).join('\n')}
console.log(${entryPoints.map((_, i) => `part${i}`).join(', ')})
const app = Fastify()
app.register(plugin.oauthResourceServer, { resource: 'https://api.example.com', authorizationServers: ['https://login.example.com'] })
`
}
const compilerOptions = { target: 'ES2022', strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false, noEmit: true, types: ['node'] }
/** Before 5.8, TypeScript refuses to require an ES module, which every supported Node.js does. */
const requires = version => Number(version.split('.')[0]) > 5 || Number(version.split('.')[1]) >= 8
/** The types of the newest Node.js with newer compilers, those of the oldest with the others: names move between them. */
const nodeTypesFor = version => Number(version.split('.')[0]) >= 6 ? 'latest' : devDependencies['@types/node']
const projectsFor = version => ({
  'tsconfig.node.json': {
    compilerOptions: { ...compilerOptions, module: 'NodeNext', moduleResolution: 'NodeNext' }, files: ['consumer.ts', ...requires(version) ? ['consumer.cts'] : []]
  },
  'tsconfig.bundler.json': { compilerOptions: { ...compilerOptions, module: 'ESNext', moduleResolution: 'Bundler' }, files: ['consumer.ts'] }
})

try {
  const packed = join(work, 'packed')
  mkdirSync(packed)
  npm(['pack', '--pack-destination', packed], root)
  const tarball = join(packed, readdirSync(packed)[0])
  for (const version of versions) {
    const folder = join(work, version)
    mkdirSync(folder)
    for (const [file, content] of Object.entries(files)) writeFileSync(join(folder, file), content)
    const projects = projectsFor(version)
    for (const [file, content] of Object.entries(projects)) writeFileSync(join(folder, file), JSON.stringify(content))
    npm(['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', '--silent', tarball, `typescript@~${version}.0`,
      `fastify@${devDependencies.fastify}`, `@types/node@${nodeTypesFor(version)}`], folder)
    const { bin, version: exact } = JSON.parse(readFileSync(join(folder, 'node_modules/typescript/package.json'), 'utf8'))
    for (const project of Object.keys(projects)) {
      const { status, stdout, stderr } = spawnSync(process.execPath, [join('node_modules/typescript', bin.tsc), '-p', project], { cwd: folder, encoding: 'utf8' })
      console.log(`TypeScript ${exact}, ${project}: ${status === 0 ? 'no errors' : 'FAILED'}`)
      if (status !== 0) {
        process.stdout.write(stdout + stderr)
        process.exitCode = 1
      }
    }
  }
} finally {
  rmSync(work, { recursive: true, force: true })
}
