import formbody from '@fastify/formbody'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type Provider from 'oidc-provider'
import type { Client, Interaction } from 'oidc-provider'
import { findAccount, listAccounts } from './accounts.ts'
import { consentPage, errorPage, signInPage } from './pages.ts'
import type { Resource } from './resources.ts'

export interface InteractionsOptions {
  provider: Provider
  resources: readonly Resource[]
}

/** What a user sees and answers during an authorization request: sign in, then allow or deny. */
export async function interactions (app: FastifyInstance, { provider, resources }: InteractionsOptions): Promise<void> {
  await app.register(formbody)

  app.setErrorHandler<Error & { statusCode?: number }>((error, request, reply) => {
    const status = error.statusCode ?? 500
    if (status >= 500) request.log.error(error)
    return send(reply.code(status), errorPage(status < 500 ? error.message : 'The authorization server failed.'))
  })

  app.get('/interaction/:uid', async (request, reply) => {
    const interaction = await provider.interactionDetails(request.raw, reply.raw)
    if (interaction.prompt.name === 'login') return send(reply, signInPage(interaction.uid, listAccounts()))
    return send(reply, await consentPageOf(interaction))
  })

  app.post<{ Body: { account?: string } }>('/interaction/:uid/sign-in', async (request, reply) => {
    const account = findAccount(request.body.account ?? '')
    if (account === undefined) return send(reply.code(400), errorPage('Nobody of that name has an account here.'))
    const goOn = await provider.interactionResult(
      request.raw, reply.raw, { login: { accountId: account.id } }, { mergeWithLastSubmission: false })
    return reply.redirect(goOn, 303)
  })

  app.post<{ Body: { decision?: string } }>('/interaction/:uid/consent', async (request, reply) => {
    // Whatever is not a clear yes is a no.
    const goOn = request.body.decision === 'allow' ? await allow(request, reply) : await deny(request, reply)
    return reply.redirect(goOn, 303)
  })

  async function allow (request: FastifyRequest, reply: FastifyReply): Promise<string> {
    const interaction = await provider.interactionDetails(request.raw, reply.raw)
    const { prompt: { details }, grantId: earlier, params, session } = interaction
    if (session === undefined) throw new Error('consent without anybody signed in')
    // A client that comes back for more adds to what it was granted before.
    const grant = (earlier === undefined ? undefined : await provider.Grant.find(earlier)) ??
      new provider.Grant({ accountId: session.accountId, clientId: String(params.client_id) })
    if (details.missingOIDCScope !== undefined) grant.addOIDCScope(details.missingOIDCScope.join(' '))
    for (const [resource, scopes] of Object.entries(details.missingResourceScopes ?? {})) {
      grant.addResourceScope(resource, scopes.join(' '))
    }
    const grantId = await grant.save()
    return await provider.interactionResult(request.raw, reply.raw, { consent: { grantId } })
  }

  async function deny (request: FastifyRequest, reply: FastifyReply): Promise<string> {
    return await provider.interactionResult(
      request.raw, reply.raw, { error: 'access_denied', error_description: 'The user denied the request' })
  }

  async function consentPageOf ({ uid, params, session }: Interaction): Promise<string> {
    const client = await provider.Client.find(String(params.client_id))
    const requested = String(params.scope ?? '').split(' ')
    return consentPage({
      uid,
      accountName: findAccount(session?.accountId ?? '')?.name ?? 'nobody',
      clientName: nameOf(client),
      destination: destinationOf(String(params.redirect_uri)),
      access: [params.resource].flat().flatMap(identifier => {
        const resource = resources.find(one => one.identifier === identifier)
        if (resource === undefined) return []
        const scopes = Object.entries(resource.scopes).filter(([scope]) => requested.includes(scope))
        return [{ resource: resource.identifier, name: resource.name, scopes: scopes.map(([, description]) => description) }]
      })
    })
  }
}

function nameOf (client: Client | undefined): string {
  return client?.clientName ?? client?.clientId ?? 'An application without a name'
}

/** Applications on a device have a scheme of their own in place of a host. */
function destinationOf (redirectUri: string): string {
  const { host, protocol } = new URL(redirectUri)
  return host === '' ? protocol : host
}

/** Pages that ask for a decision are neither framed nor kept. */
function send (reply: FastifyReply, page: string): FastifyReply {
  return reply.type('text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
    .header('referrer-policy', 'no-referrer')
    .header('x-content-type-options', 'nosniff')
    .send(page)
}
