import 'reflect-metadata'
import { Controller, Get, Module, Req } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter, RouteConfig } from '@nestjs/platform-fastify'
import oauthResourceServer from 'fastify-oauth-resource-server'

class ItemsController {
  list (request) {
    return { subject: request.accessToken.subject }
  }

  health () {
    return { status: 'ok' }
  }
}

class AppModule {}

/** What TypeScript makes of decorators. */
function decorate (key, ...decorators) {
  const method = Object.getOwnPropertyDescriptor(ItemsController.prototype, key)
  for (const decorator of decorators) decorator(ItemsController.prototype, key, method)
}
decorate('list', Get('items'), RouteConfig({ oauth: { scopes: ['items:read'] } }))
decorate('health', Get('health'), RouteConfig({ oauth: false }))
Req()(ItemsController.prototype, 'list', 0)
Controller()(ItemsController)
Module({ controllers: [ItemsController] })(AppModule)

const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: ['error', 'warn'] })
await app.register(oauthResourceServer, JSON.parse(process.env.OAUTH_OPTIONS))
await app.listen(0, '127.0.0.1')
console.log(await app.getUrl())
