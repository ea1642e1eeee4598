import type { Clock } from '../../lib/clock.ts'
import type { IntrospectionOptions } from '../../lib/config/introspection.ts'
import type { Answer, FakeIssuer, SigningKey } from './issuer.ts'
import type { TestServer, TestServerOptions } from './server.ts'
import { createTestServer } from './server.ts'

type Members = Record<string, unknown>

/** What the endpoint was asked. */
export interface Question {
  readonly method: string
  readonly headers: Headers
  readonly form: URLSearchParams
}

/** The introspection endpoint of a fake issuer, that tests tell to lie, stall and die. */
export interface FakeIntrospection {
  readonly endpoint: string
  /** Every question that reached it, in order. */
  readonly questions: Question[]
  /** What it knows: tokens, and what it says of them. */
  readonly tokens: Map<string, Members>
  /** Makes up an opaque token, five minutes long; `undefined` takes a member away. */
  issue (members?: Members, prefix?: string): string
  /** Answers in its own way until it is told otherwise (`null`). */
  answer (answer: Answer | null): void
  /** The same, with one JSON value for whatever it is asked. */
  say (value: unknown): void
  /** A signed answer (RFC 9701 section 5); `undefined` takes a claim or header parameter away. */
  sign (members: Members, claims?: Members, header?: Members, key?: SigningKey): Promise<string>
  /** Answers with a JWT from now on. */
  signAnswers (audience?: string): void
}

export const clientId = 'resource-server'
export const secret: IntrospectionOptions['authentication'] = { method: 'client_secret_basic', clientSecret: 'very secret' }
export const signedType = 'application/token-introspection+jwt'

/** Adds an introspection endpoint to an issuer and to its metadata. */
export function addIntrospection (issuer: FakeIssuer, clock: Clock, audience = 'https://api.example.com'): FakeIntrospection {
  const endpoint = `${issuer.issuer}/introspect`
  const questions: Question[] = []
  const tokens = new Map<string, Members>()
  const now = (): number => Math.floor(clock.now() / 1000)
  let override: Answer | null = null
  let signedFor: string | null = null
  let serial = 0

  const sign: FakeIntrospection['sign'] = async (members, claims = {}, header = {}, key = issuer.keys.at(-1)!) => {
    const payload = { iss: issuer.issuer, aud: clientId, iat: now(), token_introspection: members, ...claims }
    return key.sign({ typ: 'token-introspection+jwt', kid: key.kid, ...header }, payload)
  }
  issuer.answer(issuer.metadataUrl, () => Response.json({
    issuer: issuer.issuer, jwks_uri: issuer.jwksUri, introspection_endpoint: endpoint
  }))
  issuer.answer(endpoint, async init => {
    const form = new URLSearchParams(init.body as URLSearchParams)
    questions.push({ method: init.method!, headers: new Headers(init.headers), form })
    if (override !== null) return await override(init)
    const members = tokens.get(form.get('token')!) ?? { active: false }
    if (signedFor === null) return Response.json(members)
    return new Response(await sign(members, { aud: signedFor }), { headers: { 'content-type': signedType } })
  })

  return {
    endpoint,
    questions,
    tokens,
    issue (members = {}, prefix = 'opaque-') {
      const token = `${prefix}${++serial}`
      tokens.set(token, defined({
        active: true, sub: 'user-1', client_id: 'client-1', aud: audience, iat: now(), exp: now() + 300, token_type: 'Bearer', ...members
      }))
      return token
    },
    answer (answer) { override = answer },
    say (value) { override = () => Response.json(value) },
    sign,
    signAnswers (audience = clientId) { signedFor = audience }
  }
}

export interface IntrospectionServer extends TestServer {
  readonly endpoint: FakeIntrospection
  /** How often the endpoint was asked. */
  asked (): number
}

type Rule = NonNullable<TestServerOptions['rule']>

/** A protected server whose issuer is asked about its tokens. */
export async function createIntrospectionServer (
  t: Parameters<typeof createTestServer>[0],
  introspection: Partial<IntrospectionOptions> = {},
  given: Omit<TestServerOptions, 'rule'> & { rule?: Rule } = {}
): Promise<IntrospectionServer> {
  const server = await createTestServer(t, {
    ...given, rule: { introspection: { clientId, authentication: secret, ...introspection }, ...given.rule }
  })
  const endpoint = addIntrospection(server.issuer, server.clock)
  return { ...server, endpoint, asked: () => endpoint.questions.length }
}

function defined (members: Members): Members {
  return JSON.parse(JSON.stringify(members)) as Members
}
