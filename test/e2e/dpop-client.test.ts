import { test } from 'tap'
import { createProofKey, createProver } from '../../lib/client/oauth/dpop.ts'
import { createFetch } from '../../plugins/entry-points/client.ts'
import { createTestIssuer } from '../../plugins/entry-points/testing.ts'
import { createApp } from '../support/app.ts'
import { createSessionFixture } from '../support/client-session.ts'

test('RFC 9449 9: our client gets the nonce of our server and repeats the request, with a new proof [R9449-28, R9449-32, R9449-36]', async t => {
  const resource = 'http://localhost:3999'
  const issuer = createTestIssuer({ resource })
  const prover = await createProver((await createProofKey())!)
  const app = await createApp(t, { ...issuer.options, dpop: { required: true, nonce: true } })
  const proofs: string[] = []
  const statuses: number[] = []
  app.addHook('onResponse', async (request, reply) => { proofs.push(request.headers.dpop as string); statuses.push(reply.statusCode) })
  app.get('/projects', async request => request.accessToken!.confirmation!.keyThumbprint)

  const { session, server } = createSessionFixture()
  await session.signIn({ ...server.grant(), accessToken: issuer.token({ boundTo: prover }), tokenType: 'DPoP' })
  const fetch = createFetch({
    session, resource, proof: prover,
    fetch: async (url, init) => {
      const request = new Request(url as string, init as RequestInit)
      const { statusCode, headers, payload } = await app.inject({ url: new URL(request.url).pathname, headers: Object.fromEntries(request.headers) })
      const lines = Object.entries(headers).flatMap(([name, value]) => [value].flat().map(one => [name, String(one)] as [string, string]))
      return new Response(payload, { status: statusCode, headers: lines })
    }
  })
  const response = await fetch(`${resource}/projects?page=1`)
  t.equal(await response.text(), prover.thumbprint)
  t.equal((await fetch(`${resource}/projects`)).status, 200)
  t.strictSame(statuses, [401, 200, 200], 'the nonce is kept')
  t.equal(new Set(proofs).size, 3)
})
