import { parseArgs } from 'node:util'
import { didYouMean } from '../../options/suggest.ts'
import { UsageError } from './usage.ts'

/** What the command line asks for. */
export interface CommandArguments {
  readonly command: 'check' | 'explain' | 'help' | 'version'
  readonly url: string | null
  readonly json: boolean
  readonly quiet: boolean
  readonly strict: boolean
  readonly verbose: boolean
  readonly readsToken: boolean
  readonly resource: string | null
  readonly method: 'GET' | 'POST' | null
  readonly mcp: boolean | null
  readonly origin: string | null
  readonly timeoutMs: number
  readonly authorityFile: string | null
  readonly allowedHosts: readonly string[]
  readonly configFile: string | null
}

const options = {
  json: { type: 'boolean' },
  quiet: { type: 'boolean' },
  strict: { type: 'boolean' },
  verbose: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
  mcp: { type: 'boolean' },
  'no-mcp': { type: 'boolean' },
  token: { type: 'string' },
  resource: { type: 'string' },
  method: { type: 'string' },
  origin: { type: 'string' },
  timeout: { type: 'string' },
  'insecure-ca': { type: 'string' },
  'allow-host': { type: 'string', multiple: true },
  config: { type: 'string' }
} as const

/** @throws UsageError which does not repeat the value of an option */
export function parseArguments (args: readonly string[]): CommandArguments {
  const { values, positionals: [name = '', url, ...rest] } = parse(args)
  const command = values.help === true ? 'help' : values.version === true ? 'version' : commandOf(name)
  if (rest.length > 0) throw new UsageError(`one URL is expected, and ${rest.length + 1} came`)
  if (values.token !== undefined && values.token !== '-') {
    throw new UsageError('a token on the command line can be read by others on this machine: write --token - and pipe it to standard input')
  }
  if (values.token !== undefined && command === 'explain') throw new UsageError('explain always reads the token from standard input: leave --token out')
  if (command === 'explain' && (url === undefined) === (values.config === undefined)) {
    throw new UsageError('explain needs either a URL or --config <file>')
  }
  if (command === 'check' && url === undefined) throw new UsageError('check needs the URL of a protected route')
  if (command === 'check' && values.config !== undefined) throw new UsageError('--config is for explain')
  if (values.mcp === true && values['no-mcp'] === true) throw new UsageError('--mcp and --no-mcp contradict each other')
  return {
    command,
    url: url ?? null,
    json: values.json === true,
    quiet: values.quiet === true,
    strict: values.strict === true,
    verbose: values.verbose === true,
    readsToken: values.token === '-' || command === 'explain',
    resource: values.resource ?? null,
    method: methodOf(values.method),
    mcp: values.mcp === true ? true : values['no-mcp'] === true ? false : null,
    origin: originOf(values.origin),
    timeoutMs: millisecondsOf(values.timeout ?? '10'),
    authorityFile: values['insecure-ca'] ?? null,
    allowedHosts: values['allow-host'] ?? [],
    configFile: values.config ?? null
  }
}

const parse = (args: readonly string[]) => {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true })
  } catch (error) {
    // For an unknown option, the message of Node.js repeats the whole argument, which may contain a secret.
    const unknown = args.map(arg => /^--([^=]*)/.exec(arg)?.[1]).find(one => one !== undefined && one !== '' && !(one in options))
    if (unknown !== undefined) throw new UsageError(`there is no option --${unknown.slice(0, 40)}.${didYouMean(`--${unknown}`, Object.keys(options).map(name => `--${name}`))}`)
    throw new UsageError((error as Error).message.split('\n', 1)[0]!.slice(0, 200))
  }
}

function commandOf (name: string): 'check' | 'explain' {
  if (name === 'check' || name === 'explain') return name
  if (name === '') throw new UsageError('say what to do: check <url> or explain')
  throw new UsageError(/^https?:/.test(name) ? 'say what to do before the URL: check <url> or explain <url>' : `there are two commands, check and explain.${didYouMean(name, ['check', 'explain'])}`)
}

function methodOf (value: string | undefined): 'GET' | 'POST' | null {
  if (value === undefined || value === 'GET' || value === 'POST') return value ?? null
  throw new UsageError('--method must be GET or POST')
}

function originOf (value: string | undefined): string | null {
  if (value === undefined || (URL.canParse(value) && new URL(value).origin === value)) return value ?? null
  throw new UsageError('--origin must be an origin: https://client.example')
}

function millisecondsOf (seconds: string): number {
  const value = Number(seconds)
  if (/^\d+(?:\.\d+)?$/.test(seconds) && value >= 0.001 && value <= 600) return Math.round(value * 1000)
  throw new UsageError('--timeout must be a number of seconds, up to 600')
}
