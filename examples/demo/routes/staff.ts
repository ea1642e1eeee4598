import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import type { Decisions, LoggedDecision } from '../host/decisions.ts'
import type { Host } from '../host/host.ts'
import type { BrowserSession } from '../host/sessions.ts'
import { isRole } from '../host/staff.ts'
import type { StaffMember } from '../host/staff.ts'
import { logPage } from '../pages/log.ts'
import { customersPage, peoplePage } from '../pages/staff.ts'
import { refusal } from './account.ts'
import { ownFormsOnly, sendPage } from './send.ts'

export interface StaffOptions {
  host: Host
  decisions: Decisions
  forgetBrowser (request: FastifyRequest, reply: FastifyReply): Promise<void>
}

/** The pages of staff: customers, the log, and for administrators the staff accounts. */
export async function staff (app: FastifyInstance, { host, decisions, forgetBrowser }: StaffOptions): Promise<void> {
  const { accounts, staff: people, impersonations, clientNames } = host
  app.addHook('onRequest', async (_request, reply) => { reply.headers(ownFormsOnly) })

  const named = (decided: readonly LoggedDecision[]): Promise<LoggedDecision[]> => Promise.all(decided.map(async one =>
    ({ ...one, client: one.client === null ? null : await clientNames.of(one.client) })))

  app.get('/staff', async (request, reply) =>
    sendPage(reply, customersPage(staffSession(request), await accounts.list(), impersonations.limits)))

  app.post<{ Body: { customer?: string, mode?: string } }>('/staff/impersonate', {
    schema: { body: Type.Object({ customer: Type.Optional(Type.String()), mode: Type.Optional(Type.String()) }) }
  }, async (request, reply) => {
    const { id, staff: member } = staffSession(request)
    if (member.role === 'none') throw refusal(403, 'You may not impersonate customers.')
    const customer = await accounts.find(request.body.customer ?? '')
    if (customer === undefined) throw refusal(400, 'There is no such customer.')
    await forgetBrowser(request, reply)
    // Read-only unless write access is asked for.
    await impersonations.start(id, member.id, customer.id, request.body.mode !== 'read-write')
    return reply.redirect('/', 303)
  })

  app.post('/impersonation/end', async (request, reply) => {
    await impersonations.end(staffSession(request).id, 'ended by staff')
    await forgetBrowser(request, reply)
    return reply.redirect('/staff', 303)
  })

  app.get('/staff/log', async (request, reply) =>
    sendPage(reply, logPage(staffSession(request), await named(await decisions.recent()), await impersonations.recent())))

  app.get('/staff/people', async (request, reply) =>
    sendPage(reply, peoplePage(adminSession(request), await people.list())))

  app.post<{ Params: { id: string }, Body: { role?: string } }>('/staff/people/:id/role', {
    schema: { body: Type.Object({ role: Type.Optional(Type.String()) }) }
  }, async (request, reply) => {
    const { role } = request.body
    if (!isRole(role)) throw refusal(400, 'There is no such role.')
    await people.setRole(anotherThan(adminSession(request), request.params.id), role)
    await impersonations.settle()
    return reply.redirect('/staff/people', 303)
  })

  app.post<{ Params: { id: string } }>('/staff/people/:id/remove', async (request, reply) => {
    await people.remove(anotherThan(adminSession(request), request.params.id))
    await impersonations.settle()
    return reply.redirect('/staff/people', 303)
  })
}

type StaffSession = BrowserSession & { staff: StaffMember }

function staffSession ({ browserSession }: FastifyRequest): StaffSession {
  if (browserSession === null) throw refusal(401, 'You are not signed in.')
  const { staff: member } = browserSession
  if (member === null) throw refusal(403, 'Only staff can open this page.')
  return { ...browserSession, staff: member }
}

function adminSession (request: FastifyRequest): StaffSession {
  const session = staffSession(request)
  if (session.staff.role !== 'admin') throw refusal(403, 'Only administrators can open this page.')
  return session
}

/** At least one administrator is left. */
function anotherThan ({ staff: member }: StaffSession, id: string): string {
  if (id === member.id) throw refusal(400, 'You cannot do that to yourself.')
  return id
}
