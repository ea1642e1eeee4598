/**
 * `@fastify/autoload`: the plugin is a file in `plugins`, and protects the routes in `routes`, as both are loaded into one scope.
 */
import { join } from 'node:path'
import autoload from '@fastify/autoload'
import Fastify from 'fastify'

const port = Number(process.env.PORT ?? 3000)

export const app = Fastify()
await app.register(autoload, { dir: join(import.meta.dirname, 'plugins'), options: { resource: `http://localhost:${port}` } })
await app.register(autoload, { dir: join(import.meta.dirname, 'routes') })

await app.listen({ port })

console.log(`
curl -i http://localhost:${port}/projects   # 401
curl http://localhost:${port}/health
`)
