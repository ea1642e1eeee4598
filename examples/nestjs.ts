/**
 * NestJS on Fastify. `RouteConfig` is `config` of the route. This file has dependencies of its own:
 *
 *     npm install @nestjs/common @nestjs/core @nestjs/platform-fastify reflect-metadata rxjs fastify-oauth-resource-server
 *
 * Compile it with `experimentalDecorators`.
 */
import 'reflect-metadata'
import { Controller, Get, Module, Req } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter, RouteConfig } from '@nestjs/platform-fastify'
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import type { FastifyRequest } from 'fastify'
import type { OAuthResourceServerOptions } from 'fastify-oauth-resource-server'
import oauthResourceServer from 'fastify-oauth-resource-server'

const port = Number(process.env.PORT ?? 3000)
const options: OAuthResourceServerOptions = process.env.OAUTH_OPTIONS !== undefined
  ? JSON.parse(process.env.OAUTH_OPTIONS) as OAuthResourceServerOptions
  : { resource: `http://localhost:${port}`, authorizationServers: ['https://login.example.com'], scopes: { 'items:read': 'Read items' } }

@Controller()
class ItemsController {
  @Get('items')
  @RouteConfig({ oauth: { scopes: ['items:read'] } })
  list (@Req() request: FastifyRequest): object {
    return { subject: request.accessToken?.subject }
  }

  @Get('health')
  @RouteConfig({ oauth: false })
  health (): object {
    return { status: 'ok' }
  }
}

@Module({ controllers: [ItemsController] })
class AppModule {}

const app = await NestFactory.create<NestFastifyApplication>(AppModule, new FastifyAdapter(), { logger: ['error', 'warn'] })
await app.register(oauthResourceServer, options)
await app.listen(port, '127.0.0.1')
console.log(await app.getUrl())
