import type { FastifyInstance, FastifyPluginCallback, InjectOptions } from 'fastify'
import fp from 'fastify-plugin'
import type { OAuthDoctorOptions, ResourceServer } from '../lib/doctor/check-resource.ts'
import type { DoctorRequest, DoctorResponse } from '../lib/doctor/exchange.ts'
import type { DoctorReport } from '../lib/doctor/report.ts'
import { listRoutes } from './shared/route-listing.ts'
import { rootOf } from './shared/server.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Checks this resource as a strict client would, its authorization servers included, and returns the report. Requests to the
     * server itself are made by `inject`. Nothing of it is loaded before the first call.
     */
    readonly oauthDoctor: (options?: OAuthDoctorOptions) => Promise<DoctorReport>
  }
}

const plugin: FastifyPluginCallback = (app, _options, done) => {
  if (!Object.hasOwn(app, 'oauthDoctor')) {
    app.decorate('oauthDoctor', async function (this: FastifyInstance, options: OAuthDoctorOptions = {}) {
      const { checkResource } = await import('../lib/doctor/check-resource.ts')
      // `ready()` of an encapsulated scope fails once the server has started: only that of the root may be awaited at any time.
      await rootOf(this).ready()
      const { config } = this.oauthResource
      return await checkResource({ config, route: protectedRoute(this), inject: async request => await injected(this, request) }, options)
    })
  }
  done()
}

/** GET before POST, whose handlers change something in a server that is not protected. */
function protectedRoute (app: FastifyInstance): ResourceServer['route'] {
  const { oauthResource } = app
  const routes = listRoutes(app).filter(({ server }) => (server as Partial<FastifyInstance>).oauthResource === oauthResource).map(({ config }) => ({
    path: config.url!, methods: [config.method!].flat() as string[], token: oauthResource.policies.policyOf(config).token
  })).filter(({ path, token }) => token === 'required' && !/[:*]/.test(path))
  for (const method of ['GET', 'POST'] as const) {
    const route = routes.find(({ methods }) => methods.includes(method))
    if (route !== undefined) return { path: route.path, method }
  }
  return null
}

async function injected (app: FastifyInstance, { method, url, headers, body }: DoctorRequest): Promise<DoctorResponse> {
  const { host, origin } = new URL(url)
  const sent: Record<string, string | string[]> = { host }
  for (const [name, value] of headers) {
    const before = sent[name.toLowerCase()]
    sent[name.toLowerCase()] = before === undefined || name === 'Host' ? value : [before, value].flat()
  }
  const response = await app.inject({
    method: method as NonNullable<InjectOptions['method']>, url: url.slice(origin.length), headers: sent, ...body !== undefined && { payload: body }
  })
  return {
    status: response.statusCode,
    headers: Object.entries(response.headers).flatMap(([name, value]) => [value].flat().map(one => [name, String(one)] as const)),
    text: response.payload,
    isTruncated: false,
    certificateExpiresAt: null
  }
}

/** `app.oauthDoctor()`: checks the resource of this scope while it runs. */
export const doctor: FastifyPluginCallback = fp(plugin, {
  name: 'fastify-oauth-resource-server/doctor',
  fastify: '5.x',
  dependencies: ['fastify-oauth-resource-server/config']
})
