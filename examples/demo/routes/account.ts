import { readFile } from 'node:fs/promises'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import type { Host } from '../host/host.ts'
import type { BrowserSession } from '../host/sessions.ts'
import { clientsPage } from '../pages/clients.ts'
import { homePage } from '../pages/home.ts'
import { organizationsPage } from '../pages/organizations.ts'
import { pageNames } from '../pages/layout.ts'
import { signInPage } from '../pages/sign-in.ts'
import type { Projects } from '../projects.ts'
import { ownFormsOnly, sendPage } from './send.ts'

export interface AccountOptions {
  host: Host
  projects: Projects
  issuer: string
  mcpUrl: string
  /** Revokes a grant with all its codes and tokens. */
  revokeGrant (grantId: string): Promise<void>
  /** Ends the authorization server's own session of the browser, whose user has changed. */
  forgetBrowser (request: FastifyRequest, reply: FastifyReply): Promise<void>
}

/** The pages of customers, and of staff who act for them: the overview, organizations, connected clients; signing in and out. */
export async function account (app: FastifyInstance, options: AccountOptions): Promise<void> {
  const { host: { accounts, staff, sessions, organizations, grants, clientNames }, projects, issuer, mcpUrl } = options
  const stylesheet = await readFile(new URL('../pages/style.css', import.meta.url), 'utf8')
  app.addHook('onRequest', async (_request, reply) => { reply.headers(ownFormsOnly) })

  app.get('/style.css', async (_request, reply) =>
    reply.type('text/css; charset=utf-8').header('cache-control', 'max-age=300').header('x-content-type-options', 'nosniff').send(stylesheet))

  app.get<{ Querystring: { return_to?: string } }>('/sign-in', async (request, reply) => sendPage(reply, signInPage(request.browserSession, {
    action: '/sign-in', accounts: await accounts.list(), staff: await staff.list(), returnTo: knownPath(request.query.return_to)
  })))

  app.post<{ Body: { account?: string, staff?: string, return_to?: string } }>('/sign-in', {
    schema: { body: Type.Object({ account: Type.Optional(Type.String()), staff: Type.Optional(Type.String()), return_to: Type.Optional(Type.String()) }) }
  }, async (request, reply) => {
    const { body, browserSession } = request
    const customer = await accounts.find(body.account ?? '')
    const member = await staff.find(body.staff ?? '')
    if (customer === undefined && member === undefined) throw refusal(400, 'There is no account of that name.')
    if (browserSession !== null) await sessions.signOut(browserSession)
    await options.forgetBrowser(request, reply)
    const cookie = await sessions.signIn(customer === undefined ? { staff: member!.id } : { account: customer.id })
    return reply.header('set-cookie', cookie).redirect(knownPath(body.return_to) ?? (customer === undefined ? '/staff' : '/'), 303)
  })

  app.post('/sign-out', async (request, reply) => {
    if (request.browserSession !== null) reply.header('set-cookie', await sessions.signOut(request.browserSession))
    await options.forgetBrowser(request, reply)
    return reply.redirect('/', 303)
  })

  app.get('/', async (request, reply) => {
    const session = request.browserSession
    if (session?.account == null) return reply.redirect(session === null ? '/sign-in' : '/staff', 303)
    const known = await organizations.of(session.account.id)
    return sendPage(reply, homePage(session, {
      mcpUrl,
      projects: (await projects.of({ issuer, subject: session.account.id, claims: {} })).map(({ name }) => name),
      organizations: known.length,
      aiApproved: known.filter(({ aiApproved }) => aiApproved).length,
      clients: (await grants.of(session.account.id)).length
    }))
  })

  app.get('/organizations', async (request, reply) => {
    const session = customerSession(request)
    return sendPage(reply, organizationsPage(session, await organizations.of(session.account.id)))
  })

  app.post<{ Params: { id: string }, Body: { ai?: string } }>('/organizations/:id/ai', {
    schema: { body: Type.Object({ ai: Type.Optional(Type.String()) }) }
  }, async (request, reply) => {
    const session = customerSession(request)
    // Staff never approve in the customer's place: the approval is what limits them.
    if (session.impersonation !== null) throw refusal(403, 'Only the customer can change AI processing.')
    const approved = request.body.ai === 'on'
    if (!await organizations.setApproval(session.account.id, request.params.id, approved)) {
      throw refusal(403, 'Only an administrator of the organization can decide about AI processing.')
    }
    const name = (await organizations.of(session.account.id)).find(({ id }) => id === request.params.id)?.name ?? request.params.id
    await sessions.setNotice(session, approved
      ? `AI processing is on for ${name}. Staff who act for you can connect AI clients to it.`
      : `AI processing is off for ${name}. Clients that staff have connected to it are refused from now on.`)
    return reply.redirect('/organizations', 303)
  })

  app.get('/clients', async (request, reply) => {
    const session = customerSession(request)
    const listed = await grants.of(session.account.id)
    return sendPage(reply, clientsPage(session, await Promise.all(listed.map(async ({ id, client, staff: by, access, createdAt }) => ({
      grantId: id,
      name: await clientNames.of(client),
      access: await organizations.describe(access),
      staff: by === null ? null : await staff.nameOf(by),
      since: createdAt
    })))))
  })

  app.post<{ Params: { id: string } }>('/clients/:id/revoke', async (request, reply) => {
    const session = customerSession(request)
    if (session.impersonation?.readOnly) throw refusal(403, 'This impersonation is read-only.')
    const listed = await grants.of(session.account.id)
    const grant = listed.find(({ id }) => id === request.params.id)
    if (grant === undefined) throw refusal(404, 'This client has no access any more.')
    await options.revokeGrant(request.params.id)
    await sessions.setNotice(session, `${await clientNames.of(grant.client)} has lost this access.`)
    return reply.redirect('/clients', 303)
  })
}

function customerSession ({ browserSession }: FastifyRequest): BrowserSession & { account: NonNullable<BrowserSession['account']> } {
  if (browserSession === null) throw refusal(401, 'Your session has ended.')
  const { account: customer } = browserSession
  if (customer === null) throw refusal(403, 'Choose a customer first: staff have no account of their own.')
  return { ...browserSession, account: customer }
}

/** A path of these pages, and no other: a link to the sign-in must not lead anywhere else afterwards. */
function knownPath (path: unknown): string | null {
  return typeof path === 'string' && Object.hasOwn(pageNames, path) ? path : null
}

export function refusal (statusCode: number, message: string): Error {
  return Object.assign(new Error(message), { statusCode })
}
