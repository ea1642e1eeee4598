import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { runNode } from '../support/child.ts'
import { missingUnix } from '../support/unix.ts'
import { loader } from '../support/loader.ts'

test('nothing of the doctor is loaded before it is called', { skip: missingUnix('env') }, async t => {
  const root = fileURLToPath(new URL('../../', import.meta.url))
  const folder = t.testdir({
    'start.ts': `
      import { Session } from 'node:inspector'
      import Fastify from 'fastify'
      import oauthResourceServer from '${root}plugins/index.ts'
      const session = new Session()
      session.connect()
      const urls: string[] = []
      session.on('Debugger.scriptParsed', ({ params }) => urls.push(params.url))
      session.post('Debugger.enable')
      const app = Fastify()
      await app.register(oauthResourceServer, { resource: 'https://api.example.com', authorizationServers: ['https://login.example.com'] })
      await app.ready()
      console.log(urls.filter(url => url.includes('/lib/doctor/')).length, urls.some(url => url.endsWith('/plugins/doctor.ts')))
    `
  })
  const { stdout, stderr } = await runNode([...loader, `${folder}/start.ts`], { cwd: root })
  t.equal(stdout.trim(), '0 true', stderr)
})
