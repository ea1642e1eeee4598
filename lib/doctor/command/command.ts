import { readFile } from 'node:fs/promises'
import type { LookupFunction } from 'node:net'
import { OptionError } from '../../errors/errors.ts'
import { checkServer, checkUrl, defaultOrigin, maxDocumentBytes } from '../check-server.ts'
import type { CheckServerOptions } from '../check-server.ts'
import type { TokenExplanation } from '../explain/explain-token.ts'
import { explainToken } from '../explain/explain-token.ts'
import { discoverSource, loadSource } from '../explain/sources.ts'
import { describeFailure } from '../exchange.ts'
import { createServerTransport } from '../http-transport.ts'
import type { DoctorProgress } from '../report.ts'
import { Subject, Unchecked } from '../subject.ts'
import type { CommandArguments } from './arguments.ts'
import { parseArguments } from './arguments.ts'
import type { UrlFindings } from './print-explanation.ts'
import { printExplanation } from './print-explanation.ts'
import { printReport } from './print-report.ts'
import type { TokenInput } from './read-token.ts'
import { readToken } from './read-token.ts'
import { styleFor } from './style.ts'
import { UsageError, help } from './usage.ts'

/** A stream that is written to: a terminal, a pipe or a file. */
export interface TextOutput {
  readonly isTTY?: boolean
  readonly columns?: number
  write (text: string): unknown
}

/** What the command has of its process. */
export interface CommandProcess {
  readonly stdin: TokenInput
  readonly stdout: TextOutput
  readonly stderr: TextOutput
  readonly env: Readonly<Record<string, string | undefined>>
  /** @internal Resolves names. */
  readonly lookup?: LookupFunction
}

/** 0: all is well. 1: a check does not hold, or the token is refused. 2: the check could not be made. */
export type ExitCode = 0 | 1 | 2

/** Runs the command. It throws nothing: what is wrong is said on standard error. */
export async function runCommand (args: readonly string[], process: CommandProcess): Promise<ExitCode> {
  try {
    const given = parseArguments(args)
    switch (given.command) {
      case 'help': return print(process, help)
      case 'version': return print(process, `${await version()}\n`)
      case 'check': return await check(given, process)
      case 'explain': return await explain(given, process)
    }
  } catch (error) {
    const hint = error instanceof UsageError ? '\n--help lists the options.' : ''
    const isExpected = [UsageError, OptionError, Unchecked].some(kind => error instanceof kind)
    process.stderr.write(`${isExpected ? (error as Error).message : describeFailure(error)}${hint}\n`)
    return 2
  }
}

function print ({ stdout }: CommandProcess, text: string): 0 {
  stdout.write(text)
  return 0
}

async function version (): Promise<string> {
  // From lib/doctor/command, and from the places in dist where it can be.
  const places = ['../../package.json', '../../../package.json', '../../../../package.json']
  const manifests = await Promise.all(places.map(async place =>
    JSON.parse(await readFile(new URL(place, import.meta.url), 'utf8').catch(() => '{}')) as { name?: string, version?: string }))
  return manifests.find(({ name }) => name === 'fastify-oauth-resource-server')!.version!
}

async function authoritiesOf ({ authorityFile }: CommandArguments): Promise<string | undefined> {
  if (authorityFile === null) return undefined
  const text = await readFile(authorityFile, 'utf8').catch((error: Error) => { throw new UsageError(`--insecure-ca: ${error.message}`) })
  if (!text.includes('-----BEGIN CERTIFICATE-----')) throw new UsageError('--insecure-ca: the file has no certificate in PEM')
  return text
}

async function tokenFor (given: CommandArguments, { stdin, stderr }: CommandProcess): Promise<string | null> {
  return given.readsToken ? await readToken(stdin, text => stderr.write(text)) : null
}

async function check (given: CommandArguments, process: CommandProcess): Promise<ExitCode> {
  const { stdout, stderr, env } = process
  checkUrl('url', given.url!)
  const token = await tokenFor(given, process)
  const certificateAuthorities = await authoritiesOf(given)
  const options: CheckServerOptions = {
    timeoutMs: given.timeoutMs,
    allowedHosts: given.allowedHosts,
    origin: given.origin ?? defaultOrigin,
    ...given.resource !== null && { resource: given.resource },
    ...given.method !== null && { method: given.method },
    ...given.mcp !== null && { mcp: given.mcp },
    ...token !== null && { token },
    ...certificateAuthorities !== undefined && { certificateAuthorities },
    ...process.lookup !== undefined && { lookup: process.lookup },
    ...!given.quiet && { onProgress: progressOn(stderr) }
  }
  const report = await checkServer(given.url!, options)
  if (!given.quiet && stderr.isTTY === true) stderr.write(clearLine)
  const printing = { style: styleFor(stdout.isTTY === true, env), width: widthOf(stdout), isVerbose: given.verbose }
  stdout.write(given.json ? `${JSON.stringify(report, null, 2)}\n` : printReport(report, printing))
  if (report.checks.some(({ id, outcome }) => id === 'reachable' && outcome === 'fails')) return 2
  const isStrictlyOk = report.counts.fails === 0 && report.counts.unknown === 0
  return report.ok && (!given.strict || isStrictlyOk) ? 0 : 1
}

const clearLine = '\r\u001b[2K'

/** On a terminal one line that changes; elsewhere a line for each group. */
function progressOn (stderr: TextOutput): (progress: DoctorProgress) => void {
  let shown = ''
  return ({ number, total, group, title }) => {
    if (stderr.isTTY === true) stderr.write(`${clearLine}${`${number}/${total} ${title}`.slice(0, widthOf(stderr) - 1)}`)
    else if (group !== shown) stderr.write(`${number}/${total} ${group}\n`)
    shown = group
  }
}

function widthOf ({ columns = 100 }: TextOutput): number {
  return Math.min(Math.max(columns, 40), 120)
}

async function explain (given: CommandArguments, process: CommandProcess): Promise<ExitCode> {
  const { stdout, env } = process
  if (given.url !== null) checkUrl('url', given.url)
  const token = (await tokenFor(given, process))!
  const { explanation, findings } = given.url === null
    ? { explanation: await explainByFile(token, given.configFile!), findings: null }
    : await explainByUrl(token, given, process)
  const printing = { style: styleFor(stdout.isTTY === true, env), width: widthOf(stdout), isVerbose: given.verbose }
  stdout.write(given.json ? `${JSON.stringify(explanation, null, 2)}\n` : printExplanation(explanation, findings, printing))
  return { accepted: 0, refused: 1, unknown: 2 }[explanation.outcome] as ExitCode
}

async function explainByFile (token: string, file: string): Promise<TokenExplanation> {
  const { source, close } = await loadSource(file)
  try {
    return await explainToken(token, source)
  } finally {
    await close()
  }
}

async function explainByUrl (token: string, given: CommandArguments, { lookup }: CommandProcess): Promise<{ explanation: TokenExplanation, findings: UrlFindings }> {
  const { timeoutMs, allowedHosts } = given
  const transport = createServerTransport(given.url!, { timeoutMs, allowedHosts, lookup, certificateAuthorities: await authoritiesOf(given), maxBytes: maxDocumentBytes })
  try {
    const subject = new Subject({
      url: given.url!, resource: given.resource, token: null, method: null, mcp: null, origin: defaultOrigin, isInProcess: false, transport: transport.send
    })
    // The plugin makes its requests within the same rules.
    const source = await discoverSource(subject, async url => {
      const { status, headers, text } = await transport.send({ url, method: 'GET', headers: [['Accept', 'application/json']] })
      return new Response(text === '' ? null : text, { status, headers: headers.map(([name, value]): [string, string] => [name, value]) })
    })
    const explanation = await explainToken(token, source)
    const asked = (await subject.tokenChallenge().catch(() => null))?.parameters.get('scope')?.split(' ') ?? []
    const has = explanation.accessToken?.scopes ?? asked
    return { explanation, findings: { missingScopes: asked.filter(scope => !has.includes(scope)) } }
  } finally {
    transport.close()
  }
}
