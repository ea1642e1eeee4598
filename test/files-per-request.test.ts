import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { runNode } from './support/child.ts'
import { missingUnix } from './support/unix.ts'
import { loader } from './support/loader.ts'

const root = fileURLToPath(new URL('../', import.meta.url))

/**
 * How many files of the package run in one request: what somebody has to open who follows it. A number here may be lowered, and
 * not raised without a reason. Five of the server's are the hooks of Fastify, one for each plugin, and what these share. The
 * plan is 8, 20, 10, 14 and 8. A first 401 has one more: credentials are looked for in the raw headers, as the object of all headers
 * costs every request more than that. JSON of other parties is read in one place, by two of these ways; what explains a refused
 * token stands apart from the checks, and so do the claims that have several names.
 */
const limits: Readonly<Record<string, number>> = {
  'first 401': 9,
  'new token': 26,
  'remembered token': 13,
  '401, refresh, retry': 24,
  'healthy client request': 8
}

// V8 counts for one reader at a time, and tap is one: the requests are made in a process of their own.
test('a request passes through few files', { timeout: 60_000, skip: missingUnix('env') }, async t => {
  const { exitCode, stdout, stderr } = await runNode([...loader, 'test/support/request-files.ts'], { cwd: root })
  t.equal(exitCode, 0, stderr)
  const measured = stdout.trim().split('\n').map(line => JSON.parse(line) as { kind: string, files: string[] })
  t.same(measured.map(({ kind }) => kind), Object.keys(limits))
  for (const { kind, files } of measured) t.ok(files.length <= limits[kind]!, `${kind}: ${files.length} files`, { files })
})
