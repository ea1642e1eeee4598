import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type Provider from 'oidc-provider'
import type { Interaction } from 'oidc-provider'
import Type from 'typebox'
import type { AuditedDecision, GrantAccess } from '../../plugins/entry-points/impersonation.ts'
import type { AutomaticRefusal } from '../../plugins/entry-points/oidc-provider.ts'
import { isFirstParty } from './clients.ts'
import type { Host } from './host/host.ts'
import { impersonationIn } from './host/impersonation-of-session.ts'
import type { CustomerOrganization } from './host/organizations.ts'
import type { BrowserSession } from './host/sessions.ts'
import type { RequestedAccess } from './pages/consent.ts'
import { consentPage } from './pages/consent.ts'
import { refusalPage } from './pages/refusal.ts'
import { impersonateFirstPage, signInPage } from './pages/sign-in.ts'
import { lifetimes } from './lifetimes.ts'
import type { OidcGuard } from './provider.ts'
import type { Resource } from './resources.ts'
import { refusal } from './routes/account.ts'
import { sendPage } from './routes/send.ts'

export interface InteractionsOptions {
  provider: Provider
  guard: OidcGuard
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

/** An impersonator's client gets no ID token: it would say that the customer has signed in. */
const identityScopes = { openid: 'Know who you are' }

type Customer = BrowserSession & { account: NonNullable<BrowserSession['account']> }

/** What a user sees and answers during an authorization request: sign in, then allow or deny. */
export async function interactions (app: FastifyInstance, { provider, guard, resources, host }: InteractionsOptions): Promise<void> {
  const { accounts, sessions, organizations, clientNames } = host

  app.get<{ Params: { uid: string }, Querystring: { choose?: string } }>('/interaction/:uid', async (request, reply) => {
    const interaction = await provider.interactionDetails(request.raw, reply.raw)
    const session = request.browserSession
    if (session === null || asksToSignInAgain(interaction, session)) {
      return sendPage(reply, signInPage(session, { action: `/interaction/${interaction.uid}/sign-in`, accounts: await accounts.list() }))
    }
    if (session.account === null) return sendPage(reply, impersonateFirstPage(session))
    if (interaction.prompt.name === 'login') {
      // An impersonator cannot sign in to another account.
      if (guard.asksForAnother(interaction)) return reply.redirect(await answer(request, reply, 'login_required', 'Another account is signed in'), 303)
      return reply.redirect(await signedIn(request, reply, interaction, session.account.id, session.signedInAt), 303)
    }
    const customer = customerOf(interaction, session)
    const clientId = String(interaction.params.client_id)
    request.grantedTo = clientId
    await clientNames.remember(clientId, (await provider.Client.find(clientId))?.clientName ?? clientId)
    if (isFirstParty(clientId)) return await shortCut(request, reply, interaction, customer)
    const refused = guard.refusalOf(interaction)
    if (refused !== null && request.query.choose === undefined) {
      return await refuse(request, reply, interaction, customer, refused)
    }
    return sendPage(reply, consentPage(customer, await consentRequestOf(interaction, customer)))
  })

  app.post<{ Body: { account?: string } }>('/interaction/:uid/sign-in', {
    schema: { body: Type.Object({ account: Type.Optional(Type.String()) }) }
  }, async (request, reply) => {
    // Without an authorization request it throws: there is nothing to sign in for here.
    const interaction = await provider.interactionDetails(request.raw, reply.raw)
    const account = await accounts.find(request.body.account ?? '')
    if (account === undefined) throw refusal(400, 'There is no account of that name.')
    if (request.browserSession !== null) await sessions.signOut(request.browserSession)
    const cookie = await sessions.signIn({ account: account.id })
    return reply.header('set-cookie', cookie).redirect(await signedIn(request, reply, interaction, account.id), 303)
  })

  app.post<{ Body: Answers }>('/interaction/:uid/consent', { schema: { body: answers } }, async (request, reply) => {
    // Everything but a clear yes is a denial, which grants nothing and is not checked.
    if (request.body.decision !== 'allow') return reply.redirect(await answer(request, reply, 'access_denied', 'The user denied the request'), 303)
    const interaction = await provider.interactionDetails(request.raw, reply.raw)
    const customer = customerOf(interaction, request.browserSession)
    request.grantedTo = String(interaction.params.client_id)
    const access = accessOf(request.body, await organizations.of(customer.account.id))
    if (typeof access === 'string') return await askAgain(request, reply, interaction, customer, access)
    const decision = await request.checkNewGrant({ step: 'consent', access })
    if (!decision.allowed) return await refuse(request, reply, interaction, customer, kindOf(decision))
    return reply.redirect(await allow(request, reply, interaction, customer, decision), 303)
  })

  app.post<{ Querystring: { unavailable?: string } }>('/interaction/:uid/leave', async (request, reply) => reply.redirect(
    request.query.unavailable === undefined
      ? await answer(request, reply, 'access_denied', 'The grant is not allowed')
      : await answer(request, reply, 'temporarily_unavailable', 'Whether the grant is allowed could not be checked'), 303))

  /** A first-party client needs no consent; the grant is checked all the same. */
  async function shortCut (request: FastifyRequest, reply: FastifyReply, interaction: Interaction, customer: Customer): Promise<FastifyReply> {
    const decision = await request.checkNewGrant({ step: 'first-party', access: { level: 'all' } })
    if (!decision.allowed) return await refuse(request, reply, interaction, customer, kindOf(decision), false)
    return reply.redirect(await allow(request, reply, interaction, customer, decision), 303)
  }

  /** The same question, with the boxes that were ticked: an ambiguous answer grants nothing. */
  async function askAgain (
    request: FastifyRequest<{ Body: Answers }>, reply: FastifyReply, interaction: Interaction, customer: Customer, problem: string
  ): Promise<FastifyReply> {
    const { level = null, organization = [], team = [] } = request.body
    return sendPage(reply.code(400), consentPage(
      customer, await consentRequestOf(interaction, customer), { problem, level, organizations: organization, teams: team }))
  }

  async function allow (
    request: FastifyRequest, reply: FastifyReply, interaction: Interaction, customer: Customer, decision: AuditedDecision
  ): Promise<string> {
    const grantId = await guard.saveGrant(interaction, { account: customer.account.id, decision })
    return await provider.interactionResult(request.raw, reply.raw, { consent: { grantId } })
  }

  /** A client may ask for it. An impersonator has nothing to sign in with again. */
  function asksToSignInAgain (interaction: Interaction, { impersonation }: BrowserSession): boolean {
    const { name, reasons } = interaction.prompt
    return name === 'login' && impersonation === null &&
      (guard.asksForAnother(interaction) || reasons.some(reason => reason === 'login_prompt' || reason === 'max_age'))
  }

  /** The error that the client gets in place of a code. */
  async function answer (request: FastifyRequest, reply: FastifyReply, error: string, description: string): Promise<string> {
    return await provider.interactionResult(request.raw, reply.raw, { error, error_description: description })
  }

  /** A page that says why, with a way back to the client, which gets the error then; JSON for programs. */
  async function refuse (
    request: FastifyRequest, reply: FastifyReply, { uid, params }: Interaction, customer: Customer, kind: AutomaticRefusal, divisible?: boolean
  ): Promise<FastifyReply> {
    const unavailable = kind === 'unavailable'
    if (!(request.headers.accept ?? '').includes('text/html')) return reply.refuseGrant({ reason: unavailable ? 'lookup_failed' : 'not_approved' })
    if (unavailable) reply.header('retry-after', '5')
    return sendPage(reply.code(unavailable ? 503 : 403), refusalPage(customer, {
      uid,
      kind,
      clientName: await clientNames.of(String(params.client_id)),
      divisible: kind === 'not_approved' && (divisible ?? (await organizations.of(customer.account.id)).length > 1)
    }))
  }

  async function signedIn (
    request: FastifyRequest, reply: FastifyReply, interaction: Interaction, accountId: string, at = new Date()
  ): Promise<string> {
    // The request began in the provider's session of another account, which has ended by the time the request resumes.
    if (interaction.session !== undefined && interaction.session.accountId !== accountId) {
      delete interaction.session
      await interaction.persist()
    }
    return await provider.interactionResult(
      request.raw, reply.raw, { login: { accountId, ts: Math.floor(at.getTime() / 1000) } }, { mergeWithLastSubmission: false })
  }

  async function consentRequestOf ({ uid, params }: Interaction, customer: Customer): Promise<Parameters<typeof consentPage>[1]> {
    const { account, impersonation } = customer
    const client = await provider.Client.find(String(params.client_id))
    const asked = String(params.scope ?? '').split(' ')
    // What the guard grants, by the guard itself.
    const terms = app.impersonationGuard.narrowGrant({
      expiresInSeconds: lifetimes.accessToken, scopes: asked, refreshToken: client?.grantTypeAllowed('refresh_token') ?? false
    }, impersonationIn(host, customer))
    const divided = (scopes: Readonly<Record<string, string>>, isGranted: (scope: string) => boolean): Pick<RequestedAccess, 'granted' | 'withheld'> => {
      const known = Object.entries(scopes).filter(([scope]) => asked.includes(scope))
      return {
        granted: known.flatMap(([scope, description]) => isGranted(scope) ? [description] : []),
        withheld: known.flatMap(([scope, description]) => isGranted(scope) ? [] : [description])
      }
    }
    const identity = divided(identityScopes, () => impersonation === null)
    return {
      uid,
      clientName: await clientNames.of(String(params.client_id)),
      destination: destinationOf(String(params.redirect_uri)),
      access: [
        ...[params.resource].flat().flatMap(identifier => {
          const resource = resources.find(one => one.identifier === identifier)
          if (resource === undefined) return []
          return [{ resource: resource.identifier, name: resource.name, ...divided(resource.scopes, scope => terms.scopes.includes(scope)) }]
        }),
        ...identity.granted.length + identity.withheld.length === 0 ? [] : [{ resource: null, name: 'Account', ...identity }]
      ],
      lifetime: { accessTokenSeconds: terms.expiresInSeconds, refreshSeconds: terms.refreshToken ? lifetimes.grant : 0 },
      organizations: await organizations.of(account.id)
    }
  }
}

/** The session that answers must be the one that was asked: it may have signed in or out, or begun to impersonate, since. */
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
function accessOf ({ level, organization = [], team = [] }: Answers, known: readonly CustomerOrganization[]): GrantAccess | string {
  if (level !== 'all' && level !== 'organization' && level !== 'team') {
    return 'Choose what the client gets access to: all organizations, only some of them, or only some teams.'
  }
  if ((level !== 'organization' && organization.length > 0) || (level !== 'team' && team.length > 0)) {
    return 'The ticked boxes do not belong to the chosen access. Tick only what the client gets access to, or nothing for all organizations.'
  }
  if (level === 'all') return { level }
  const [all, chosen] = level === 'organization' ? [known, organization] : [known.flatMap(({ teams }) => teams), team]
  if (chosen.length === 0) return 'Tick what the client gets access to.'
  if (!chosen.every(id => all.some(one => one.id === id))) return 'One of the ticked organizations or teams does not exist any more.'
  return level === 'organization' ? { level, organizations: chosen } : { level, teams: chosen }
}

/** Why a new grant was refused, in the terms of the page. */
function kindOf ({ reason }: AuditedDecision): AutomaticRefusal {
  return reason === 'lookup_failed' ? 'unavailable' : reason === 'not_approved' ? reason : 'refused'
}

/** Native applications have a scheme of their own in place of a host. */
function destinationOf (redirectUri: string): string {
  const { host, protocol } = new URL(redirectUri)
  return host === '' ? protocol : host
}
