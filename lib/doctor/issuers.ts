import { authorizationServerMetadataUrls } from '../metadata/well-known.ts'
import { parseIdentifier } from '../identifier.ts'
import type { CheckResult } from './check.ts'
import type { Attempt, JsonObject } from './document.ts'
import { attempt, documentOf, identifierFault, parseObject } from './document.ts'
import type { Exchange } from './exchange.ts'
import type { Subject } from './subject.ts'
import { Unchecked } from './subject.ts'

/** What was found of an authorization server. */
export interface IssuerFacts {
  readonly issuer: string
  /** The well-known URLs that were requested, up to the one with the metadata. */
  readonly attempts: readonly Attempt[]
  /** The response with the metadata; `null` when no URL has them. */
  readonly exchange: Exchange | null
  readonly metadata: JsonObject
}

/** As many authorization servers of a document are looked at. */
const maxIssuers = 5

/** @throws Unchecked when the document names none */
export async function issuersOf (subject: Subject): Promise<readonly IssuerFacts[]> {
  return await subject.once('issuers', async () => {
    const { authorization_servers: named } = await documentOf(subject)
    const issuers = [named].flat().filter((issuer): issuer is string => identifierFault(issuer) === null)
    if (issuers.length === 0) throw new Unchecked('the document names no authorization server')
    return await Promise.all([...new Set(issuers)].slice(0, maxIssuers).map(async issuer => await issuerFacts(subject, issuer)))
  })
}

/** Looks for the metadata of one authorization server. */
export async function issuerFacts (subject: Subject, issuer: string): Promise<IssuerFacts> {
  const attempts: Attempt[] = []
  for (const url of authorizationServerMetadataUrls(parseIdentifier(issuer))) {
    const tried = await attempt(subject, url)
    attempts.push(tried)
    const { exchange } = tried
    if (exchange?.response.status !== 200) continue
    const metadata = parseObject(exchange)
    if (typeof metadata !== 'string') return { issuer, attempts, exchange, metadata }
  }
  return { issuer, attempts, exchange: null, metadata: {} }
}

/** Says what is wrong with one authorization server; `null` when nothing is. */
export type IssuerFault = (facts: Readonly<IssuerFacts & { exchange: Exchange }>) => string | null | Promise<string | null>

/**
 * Checks every authorization server of the document whose metadata can be trusted: they were found, and name this issuer.
 *
 * @throws Unchecked when there is none
 */
export async function checkIssuers (subject: Subject, faultOf: IssuerFault, holdsMessage: string): Promise<CheckResult> {
  const found = await usableIssuers(subject)
  const faults = await Promise.all(found.map(async facts => ({ facts, fault: await faultOf(facts) })))
  const broken = faults.find(({ fault }) => fault !== null)
  const evidence = (broken === undefined ? found : [broken.facts]).map(({ exchange: { request } }) => ({ sent: `GET ${request.url}`, received: '200' }))
  return broken === undefined
    ? { outcome: 'holds', message: holdsMessage, evidence }
    : { outcome: 'fails', message: `${broken.facts.issuer}: ${broken.fault!}`, evidence }
}

/** @throws Unchecked when there is none */
export async function usableIssuers (subject: Subject): Promise<ReadonlyArray<IssuerFacts & { readonly exchange: Exchange }>> {
  const found = (await issuersOf(subject)).filter((facts): facts is IssuerFacts & { exchange: Exchange } =>
    facts.exchange !== null && facts.metadata.issuer === facts.issuer)
  if (found.length === 0) throw new Unchecked('no authorization server has metadata that can be used')
  return found
}

/** The key set of an authorization server; `null` without `jwks_uri`. */
export async function keysOf (subject: Subject, { jwks_uri: url }: JsonObject): Promise<Attempt | null> {
  return typeof url === 'string' && identifierFault(url) === null ? await attempt(subject, url) : null
}
