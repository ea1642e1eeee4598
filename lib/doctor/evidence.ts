import { printable } from '../errors/detail.ts'
import type { Exchange, HeaderList } from './exchange.ts'

/** A request and its response, shortened for a report. Tokens of the user are left out. */
export interface Evidence {
  readonly sent: string
  readonly received: string
}

/** Characters of a line in a report. */
export const longestLine = 300
/** Header fields of requests that every request has. */
const usualFields = ['accept', 'content-type', 'host', 'user-agent']
/** Header fields of responses that a check can be about. */
const tellingFields = [
  'www-authenticate', 'content-type', 'cache-control', 'location', 'access-control-allow-origin', 'access-control-allow-headers',
  'access-control-expose-headers'
]

export function evidenceOf ({ request, response }: Exchange): Evidence {
  const { status, headers, text } = response
  const body = /json/.test(fieldsNamed(headers, ['content-type'])) && text !== '' ? ` · ${text}` : ''
  return {
    sent: printable([`${request.method} ${request.url}`, fieldsBeside(request.headers, usualFields)].filter(part => part !== '').join(' · '), longestLine),
    received: printable([String(status), fieldsNamed(headers, tellingFields)].filter(part => part !== '').join(' · ') + body, longestLine)
  }
}

function fieldsNamed (headers: HeaderList, names: readonly string[]): string {
  return joined(headers.filter(([name]) => names.includes(name)))
}

function fieldsBeside (headers: HeaderList, names: readonly string[]): string {
  return joined(headers.filter(([name, value]) => !names.includes(name.toLowerCase()) || (name === 'Host' && value.includes('spoofed'))))
}

function joined (headers: HeaderList): string {
  return headers.map(([name, value]) => `${name}: ${value}`).join(' · ')
}
