/**
 * Metrics for Prometheus, and an event on the active OpenTelemetry span for each refusal. Without an OpenTelemetry SDK, which your
 * deployment starts (`node --import @opentelemetry/auto-instrumentations-node/register`), there is no active span and nothing is
 * recorded.
 */
import diagnosticsChannel from 'node:diagnostics_channel'
import { trace } from '@opentelemetry/api'
import Fastify from 'fastify'
import oauthResourceServer from 'fastify-oauth-resource-server'
import type { SecurityEvent } from 'fastify-oauth-resource-server'
import { createTestIssuer } from 'fastify-oauth-resource-server/testing'
import { Gauge, Registry } from 'prom-client'

const port = Number(process.env.PORT ?? 3000)
const resource = `http://localhost:${port}`
// Stands in for your authorization server, inside this process.
const issuer = createTestIssuer({ resource })

export const app = Fastify()
await app.register(oauthResourceServer, issuer.options)

const registry = new Registry()
registry.registerMetric(new Gauge({
  name: 'oauth_requests',
  help: 'Requests since the start, by outcome',
  labelNames: ['outcome', 'reason'],
  registers: [],
  collect () {
    const { accepted, refused, unavailable } = app.oauthCounters
    this.set({ outcome: 'accepted', reason: '' }, accepted)
    for (const { reason, count } of refused) this.set({ outcome: 'refused', reason }, count)
    for (const { reason, count } of unavailable) this.set({ outcome: 'unavailable', reason }, count)
  }
}))

// One event for each refusal, in the context of its request. It never contains a token.
diagnosticsChannel.subscribe('fastify-oauth-resource-server', message => {
  const { kind, reason, route } = message as SecurityEvent
  trace.getActiveSpan()?.addEvent(`oauth.${kind}`, { reason, route: route ?? '' })
})

app.get('/projects', { config: { oauth: { scopes: ['projects:read'] } } }, async () => ['Analytical Engine'])
app.get('/metrics', { config: { oauth: false } }, async (_request, reply) => {
  return await reply.type(registry.contentType).send(await registry.metrics())
})

await app.listen({ port })

console.log(`
curl -H 'authorization: Bearer ${issuer.token({ scopes: ['projects:read'] })}' ${resource}/projects
curl -i -H 'authorization: Bearer ${issuer.token()}' ${resource}/projects   # 403: the token lacks the scope
curl ${resource}/metrics
`)
