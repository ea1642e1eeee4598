import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { OAuthResourceServerOptions } from '../../config/options.ts'
import { OptionError } from '../../errors/errors.ts'
import { describeError } from '../../errors/detail.ts'
import { kindOf } from '../../options/show.ts'
import type { ProtectedResource } from '../../resource/create-resource.ts'
import { documentOf, resourceOf } from '../document.ts'
import { issuersOf } from '../issuers.ts'
import type { Subject } from '../subject.ts'
import type { ExplainSource } from './explain-token.ts'

type Options = OAuthResourceServerOptions<never>

/** What a file of configuration exported, and the end of what it started. */
export interface LoadedSource {
  readonly source: ExplainSource
  close (): Promise<void>
}

const whatToExport = `Export the app without a call of listen, which belongs in another file:
  export default app
or the options of the plugin:
  export const options = { resource: 'https://api.example.com', authorizationServers: ['https://login.example.com'] }`

/** Whether a server could not listen: its port is in use, for example, by the same app. */
function isListenError (error: unknown): boolean {
  return isObject(error) && error.syscall === 'listen'
}

/** An app that was exported is complete without its port. */
export function ignoreListenError (error: unknown): void {
  if (!isListenError(error)) throw error
}

/**
 * Loads what a token is checked against: options as JSON; or a module whose export (the default one, `options` or `app`) is the
 * options, a Fastify app with the plugin, or a function that returns one of them.
 *
 * @throws OptionError
 */
export async function loadSource (file: string): Promise<LoadedSource> {
  // A call of listen that the file does not await can fail at any later time.
  process.on('uncaughtException', ignoreListenError)
  const stopIgnoring = (): void => { process.off('uncaughtException', ignoreListenError) }
  try {
    const { source, close } = await sourceOf(file)
    return { source, close: async () => { await close().finally(stopIgnoring) } }
  } catch (error) {
    stopIgnoring()
    throw error
  }
}

async function sourceOf (file: string): Promise<LoadedSource> {
  const given = await load(resolve(file)).catch((error: unknown) => {
    throw new OptionError(`${file} could not be loaded: ${describeError(error)}${isListenError(error) ? `\n${whatToExport}` : ''}`)
  })
  const value: unknown = typeof given === 'function' ? await (given as () => unknown)() : given
  if (isObject(value) && typeof value.ready === 'function') {
    const app = value as { ready (): Promise<unknown>, close (): Promise<unknown>, oauthResource?: ProtectedResource }
    await app.ready()
    if (app.oauthResource === undefined) throw new OptionError(`${file} exports an app without the plugin at its root: export its options instead`)
    return { source: { resource: app.oauthResource }, close: async () => { await app.close() } }
  }
  if (!isObject(value) || typeof value.resource !== 'string') {
    throw new OptionError(`${file} must export the options of the plugin, or an app (as default, options or app), got ${kindOf(value)}\n${whatToExport}`)
  }
  return { source: { options: value as unknown as Options }, close: async () => {} }
}

async function load (path: string): Promise<unknown> {
  if (path.endsWith('.json')) return JSON.parse(await readFile(path, 'utf8'))
  // The module is the user's own, and named by them.
  const module = await import(pathToFileURL(path).href) as Record<string, unknown>
  return module.default ?? module.options ?? module.app
}

function isObject (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/**
 * The options that a server with this document can have: its issuers, and everything else as by default. The server itself may
 * have others.
 *
 * @throws Unchecked when there is no document to go by, or it names no issuer
 */
export async function discoverSource (subject: Subject, fetch: NonNullable<Options['fetch']>): Promise<ExplainSource> {
  const document = await documentOf(subject)
  const resource = await resourceOf(subject)
  const issuers = (await issuersOf(subject)).map(({ issuer }) => issuer)
  const dpop = document.dpop_bound_access_tokens_required === true ? 'required' : document.dpop_signing_alg_values_supported === undefined ? null : 'allowed'
  return { options: { resource, authorizationServers: issuers, fetch, ...dpop !== null && { dpop } } }
}
