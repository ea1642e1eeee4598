import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type Provider from 'oidc-provider'
import type { Interaction } from 'oidc-provider'
import Type from 'typebox'
import type { GrantAccess } from '../../plugins/entry-points/impersonation.ts'
import { isFirstParty } from './clients.ts'
import type { Host } from './host/host.ts'
import { impersonationIn } from './host/impersonation-of-session.ts'
import type { CustomerOrganization } from './host/organizations.ts'
import type { BrowserSession } from './host/sessions.ts'
import type { OidcProviderGuard } from './oidc-provider-guard.ts'
import { consentPage } from './pages/consent.ts'
import { refusalPage } from './pages/refusal.ts'
import { impersonateFirstPage, signInPage } from './pages/sign-in.ts'
import type { Resource } from './resources.ts'
import { refusal } from './routes/account.ts'
import { sendPage } from './routes/send.ts'

export interface InteractionsOptions {
  provider: Provider
  guard: OidcProviderGuard
  resources: readonly Resource[]
  host: Host
}

const answers = Type.Object({
  decision: Type.Optional(Type.String()),
  level: Type.Optional(Type.String()),
  organization: Type.Optional(Type.Array(Type.String())),
  team: Type.Optional(Type.Array(Type.String()))
})

interface Answers {
  decision?: string
  level?: string
  organization?: string[]
  team?: string[]
}

type Customer = BrowserSession & { account: NonNullable<BrowserSession['account']> }

/** What a user sees and answers during an authorization request: sign in, then allow or deny. */
export async function interactions (app: FastifyInstance, { provider, guard, resources, host }: InteractionsOptions): Promise<void> {
  const { accounts, sessions, organizations, clientNames } = host

  app.get<{ Params: { uid: string }, Querystring: { choose?: string } }>('/interaction/:uid', async (request, reply) => {
    const interaction = await provider.interactionDetails(request.raw, reply.raw)
    const session = request.browserSession
    if (session === null || asksToSignInAgain(interaction, session)) {
      return sendPage(reply, signInPage(`/interaction/${interaction.uid}/sign-in`, session, await accounts.list()))
    }
    if (session.account === null) return sendPage(reply, impersonateFirstPage(session))
    if (interaction.prompt.name === 'login') {
      // They cannot be the one the client asks for, and it is not for them to become another.
      if (guard.asksForAnother(interaction)) return reply.redirect(await answer(request, reply, 'login_required', 'Somebody else is signed in'), 303)
      return reply.redirect(await signedIn(request, reply, interaction, session.account.id, session.signedInAt), 303)
    }
    const customer = customerOf(interaction, session)
    const clientId = String(interaction.params.client_id)
    request.grantedTo = clientId
    await clientNames.remember(clientId, (await provider.Client.find(clientId))?.clientName ?? clientId)
    if (isFirstParty(clientId)) return await shortCut(request, reply, interaction, customer)
    const refused = guard.refusalOf(interaction)
    if (refused !== null && request.query.choose === undefined) {
      return await refuse(request, reply, interaction, customer, refused === 'not_approved')
    }
    return sendPage(reply, consentPage(customer, await consentRequestOf(interaction, customer)))
  })

  app.post<{ Body: { account?: string } }>('/interaction/:uid/sign-in', {
    schema: { body: Type.Object({ account: Type.Optional(Type.String()) }) }
  }, async (request, reply) => {
    // Whoever has no authorization request under way has nothing to sign in for here.
    const interaction = await provider.interactionDetails(request.raw, reply.raw)
    const account = await accounts.find(request.body.account ?? '')
    if (account === undefined) throw refusal(400, 'Nobody of that name has an account here.')
    if (request.browserSession !== null) await sessions.signOut(request.browserSession)
    const cookie = await sessions.signIn({ account: account.id })
    return reply.header('set-cookie', cookie).redirect(await signedIn(request, reply, interaction, account.id), 303)
  })

  app.post<{ Body: Answers }>('/interaction/:uid/consent', { schema: { body: answers } }, async (request, reply) => {
    // Whatever is not a clear yes is a no, and a no needs nobody's leave.
    if (request.body.decision !== 'allow') return reply.redirect(await answer(request, reply, 'access_denied', 'The user denied the request'), 303)
    const interaction = await provider.interactionDetails(request.raw, reply.raw)
    const customer = customerOf(interaction, request.browserSession)
    request.grantedTo = String(interaction.params.client_id)
    const reach = reachOf(request.body, await organizations.of(customer.account.id))
    if (typeof reach === 'string') return await askAgain(request, reply, interaction, customer, reach)
    const decision = await request.judgeGrant(reach, 'consent')
    if (!decision.allowed) return await refuse(request, reply, interaction, customer, decision.reason === 'not_approved')
    return reply.redirect(await allow(request, reply, interaction, customer, reach), 303)
  })

  app.post('/interaction/:uid/leave', async (request, reply) =>
    reply.redirect(await answer(request, reply, 'access_denied', 'The grant is not allowed'), 303))

  /** A client of the house is not asked about; what it may reach is decided all the same. */
  async function shortCut (request: FastifyRequest, reply: FastifyReply, interaction: Interaction, customer: Customer): Promise<FastifyReply> {
    const reach: GrantAccess = { level: 'all' }
    const decision = await request.judgeGrant(reach, 'first-party')
    if (!decision.allowed) return await refuse(request, reply, interaction, customer, decision.reason === 'not_approved', false)
    return reply.redirect(await allow(request, reply, interaction, customer, reach), 303)
  }

  /** The same question, with what was ticked: an answer that can be read in two ways is none. */
  async function askAgain (
    request: FastifyRequest<{ Body: Answers }>, reply: FastifyReply, interaction: Interaction, customer: Customer, problem: string
  ): Promise<FastifyReply> {
    const { level = null, organization = [], team = [] } = request.body
    return sendPage(reply.code(400), consentPage(
      customer, await consentRequestOf(interaction, customer), { problem, level, organizations: organization, teams: team }))
  }

  async function allow (
    request: FastifyRequest, reply: FastifyReply, interaction: Interaction, customer: Customer, reach: GrantAccess
  ): Promise<string> {
    const grantId = await guard.saveGrant(interaction, {
      account: customer.account.id, reach, impersonation: impersonationIn(host, customer)
    })
    return await provider.interactionResult(request.raw, reply.raw, { consent: { grantId } })
  }

  /** A client may ask for that; of somebody who impersonates there is nothing to be learned by it. */
  function asksToSignInAgain (interaction: Interaction, { impersonation }: BrowserSession): boolean {
    const { name, reasons } = interaction.prompt
    return name === 'login' && impersonation === null &&
      (guard.asksForAnother(interaction) || reasons.some(reason => reason === 'login_prompt' || reason === 'max_age'))
  }

  /** What the client is told in place of a code. */
  async function answer (request: FastifyRequest, reply: FastifyReply, error: string, description: string): Promise<string> {
    return await provider.interactionResult(request.raw, reply.raw, { error, error_description: description })
  }

  /** 403 in words for people, with a way back to the client, which is told so as well; in JSON for everybody else. */
  async function refuse (
    request: FastifyRequest, reply: FastifyReply, { uid, params }: Interaction, customer: Customer, known: boolean, divisible?: boolean
  ): Promise<FastifyReply> {
    if (!(request.headers.accept ?? '').includes('text/html')) return reply.refuseGrant()
    return sendPage(reply.code(403), refusalPage(customer, {
      uid,
      known,
      clientName: await clientNames.of(String(params.client_id)),
      // Where the directory does not answer, it does not say what else there is to choose, either.
      divisible: known && (divisible ?? (await organizations.of(customer.account.id)).length > 1)
    }))
  }

  async function signedIn (
    request: FastifyRequest, reply: FastifyReply, interaction: Interaction, accountId: string, at = new Date()
  ): Promise<string> {
    // It began in the provider's session of somebody else, which is over by the time it goes on.
    if (interaction.session !== undefined && interaction.session.accountId !== accountId) {
      delete interaction.session
      await interaction.persist()
    }
    return await provider.interactionResult(
      request.raw, reply.raw, { login: { accountId, ts: Math.floor(at.getTime() / 1000) } }, { mergeWithLastSubmission: false })
  }

  async function consentRequestOf ({ uid, params }: Interaction, { account }: Customer): Promise<Parameters<typeof consentPage>[1]> {
    const requested = String(params.scope ?? '').split(' ')
    return {
      uid,
      clientName: await clientNames.of(String(params.client_id)),
      destination: destinationOf(String(params.redirect_uri)),
      access: [params.resource].flat().flatMap(identifier => {
        const resource = resources.find(one => one.identifier === identifier)
        if (resource === undefined) return []
        const scopes = Object.entries(resource.scopes).filter(([scope]) => requested.includes(scope))
        return [{ resource: resource.identifier, name: resource.name, scopes: scopes.map(([, description]) => description) }]
      }),
      organizations: await organizations.of(account.id)
    }
  }
}

/** Whoever answers must be who was asked: since then, somebody may have signed in, out, or begun to impersonate. */
function customerOf ({ session }: Interaction, browserSession: BrowserSession | null): Customer {
  const account = browserSession?.account ?? null
  if (browserSession === null || account === null || account.id !== session?.accountId) {
    throw refusal(400, 'You have signed in or out since this began.')
  }
  return { ...browserSession, account }
}

/**
 * What was chosen, of what the customer has.
 *
 * @returns why it has to be chosen again, in words for the user, when it is not clear: everything is never a default
 */
function reachOf ({ level, organization = [], team = [] }: Answers, known: readonly CustomerOrganization[]): GrantAccess | string {
  if (level !== 'all' && level !== 'organization' && level !== 'team') {
    return 'Choose what the client may reach: all organizations, only some of them, or only some teams.'
  }
  if ((level !== 'organization' && organization.length > 0) || (level !== 'team' && team.length > 0)) {
    return 'What is ticked does not belong to what is chosen. Tick only what the client may reach, or nothing when it may reach all organizations.'
  }
  if (level === 'all') return { level }
  const [all, chosen] = level === 'organization' ? [known, organization] : [known.flatMap(({ teams }) => teams), team]
  if (chosen.length === 0) return 'Tick what the client may reach.'
  if (!chosen.every(id => all.some(one => one.id === id))) return 'What was ticked is not there any more.'
  return level === 'organization' ? { level, organizations: chosen } : { level, teams: chosen }
}

/** Applications on a device have a scheme of their own in place of a host. */
function destinationOf (redirectUri: string): string {
  const { host, protocol } = new URL(redirectUri)
  return host === '' ? protocol : host
}
