import { Redis } from 'ioredis'
import pg from 'pg'
import { test } from 'tap'
import { findPart, missingPart } from './support/missing-part.ts'
import { missingPostgres, startPostgres } from './support/postgres-server.ts'
import { startRedis } from './support/redis-server.ts'
import { missingUnix } from './support/unix.ts'

test('a part that is missing is skipped aloud, and fails where it is required', t => {
  t.intercept(process, 'env', { value: { PATH: '' } })
  const { args } = t.capture(process.stderr, 'write', () => true)
  t.equal(findPart('redis'), null)
  t.match(missingPart('redis'), /Redis .* apt-get install redis-server/)
  t.match(args(), [[/NOT TESTED: .*redis-server/]])
  process.env.CI_REQUIRES_PARTS = '1'
  t.throws(() => missingPart('redis'), /apt-get install redis-server/)
  process.env.REDIS_SERVER = '/opt/redis-server'
  t.equal(findPart('redis'), '/opt/redis-server')
  t.equal(missingPart('redis'), false)
  t.end()
})

test('a test that needs Unix is skipped aloud on Windows', t => {
  const { args } = t.capture(process.stderr, 'write', () => true)
  t.intercept(process, 'env', { value: {} })
  t.equal(missingUnix('signals', 'linux'), false)
  t.equal(missingUnix('signals', 'win32'), 'Windows has no signals')
  t.same(args(), [['\nNOT TESTED: Windows has no signals\n']])
  t.end()
})

test('a Redis that is gone after the test', { skip: missingPart('redis') }, async t => {
  const { url, stop } = await startRedis(t)
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null })
  client.on('error', () => {})
  t.equal(await client.ping(), 'PONG')
  client.disconnect()
  await stop()
  await t.rejects(client.connect())
})

test('a PostgreSQL that is gone after the test', { skip: missingPostgres() }, async t => {
  const { url, stop } = await startPostgres(t)
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  t.same((await client.query('select 1 as one')).rows, [{ one: 1 }])
  await client.end()
  await stop()
  await t.rejects(new pg.Client({ connectionString: url }).connect())
})
