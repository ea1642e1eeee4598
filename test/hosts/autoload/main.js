import { join } from 'node:path'
import autoload from '@fastify/autoload'
import Fastify from 'fastify'

const app = Fastify()
for (const folder of ['plugins', 'routes']) {
  app.register(autoload, { dir: join(import.meta.dirname, folder), autoHooks: true, cascadeHooks: true })
}
console.log(await app.listen({ port: 0, host: '127.0.0.1' }))
