import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import type { Decisions } from '../host/decisions.ts'
import type { Host } from '../host/host.ts'
import type { BrowserSession } from '../host/sessions.ts'
import { isRole } from '../host/staff.ts'
import type { StaffMember } from '../host/staff.ts'
import { logPage } from '../pages/log.ts'
import { inWords } from '../pages/sign-in.ts'
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
  const { accounts, staff: people, impersonations, sessions } = host
  app.addHook('onRequest', async (_request, reply) => { reply.headers(ownFormsOnly) })

  app.get('/staff', async (request, reply) =>
    sendPage(reply, customersPage(staffSession(request), await accounts.list(), impersonations.limits)))

  app.post<{ Body: { customer?: string, mode?: string } }>('/staff/impersonate', {
    schema: { body: Type.Object({ customer: Type.Optional(Type.String()), mode: Type.Optional(Type.String()) }) }
  }, async (request, reply) => {
    const session = staffSession(request)
    const { id, staff: member } = session
    if (member.role === 'none') throw refusal(403, 'You may not impersonate customers.')
    const customer = await accounts.find(request.body.customer ?? '')
    if (customer === undefined) throw refusal(400, 'There is no such customer.')
    await forgetBrowser(request, reply)
    // Read-only unless write access is asked for.
    const readOnly = request.body.mode !== 'read-write'
    await impersonations.start(id, member.id, customer.id, readOnly)
    await sessions.setNotice(session, `The impersonation of ${customer.name} has begun, ${readOnly ? 'read-only' : 'with write access'}.`)
    return reply.redirect('/', 303)
  })

  app.post('/impersonation/end', async (request, reply) => {
    const session = staffSession(request)
    await impersonations.end(session.id, 'ended by staff')
    await forgetBrowser(request, reply)
    if (session.impersonation !== null) {
      await sessions.setNotice(session, `The impersonation of ${session.impersonation.customerName} has ended. Clients that were connected in it have lost their access.`)
    }
    return reply.redirect('/staff', 303)
  })

  app.get('/staff/log', async (request, reply) =>
    sendPage(reply, logPage(staffSession(request), await decisions.recent(), await impersonations.recent())))

  app.get('/staff/people', async (request, reply) =>
    sendPage(reply, peoplePage(adminSession(request), await people.list())))

  app.post<{ Params: { id: string }, Body: { role?: string } }>('/staff/people/:id/role', {
    schema: { body: Type.Object({ role: Type.Optional(Type.String()) }) }
  }, async (request, reply) => {
    const { role } = request.body
    if (!isRole(role)) throw refusal(400, 'There is no such role.')
    const session = adminSession(request)
    const id = anotherThan(session, request.params.id)
    await people.setRole(id, role)
    await impersonations.settle()
    await sessions.setNotice(session, `${await people.nameOf(id)} ${inWords[role]} from now on.`)
    return reply.redirect('/staff/people', 303)
  })

  app.post<{ Params: { id: string } }>('/staff/people/:id/remove', async (request, reply) => {
    const session = adminSession(request)
    const id = anotherThan(session, request.params.id)
    await people.remove(id)
    await impersonations.settle()
    await sessions.setNotice(session, `${await people.nameOf(id)} is not a member of staff any more.`)
    return reply.redirect('/staff/people', 303)
  })
}

type StaffSession = BrowserSession & { staff: StaffMember }

function staffSession ({ browserSession }: FastifyRequest): StaffSession {
  if (browserSession === null) throw refusal(401, 'Your session has ended.')
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
