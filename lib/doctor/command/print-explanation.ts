import type { TokenExplanation } from '../explain/explain-token.ts'
import type { PrintOptions } from './print-report.ts'
import { marks, wrap } from './style.ts'

/** An explanation for people. */
export function printExplanation (explanation: TokenExplanation, note: string | null, { style, width }: PrintOptions): string {
  const { outcome, resource, accessToken, alsoNeeded, refusals, acceptedWith } = explanation
  const heading = {
    accepted: style.green(`${marks.holds} The token is accepted`),
    refused: style.red(`${marks.fails} The token is refused`),
    unknown: style.yellow(`${marks.unknown} The token could not be checked`)
  }[outcome]
  const parts = [
    `${style.bold(heading)}\n${style.dim(`  for ${resource}`)}${note === null ? '' : `\n${wrap(note, '  ', width)}`}`,
    ...accessToken === null
      ? []
      : [Object.entries({
          issuer: accessToken.issuer,
          subject: accessToken.subject,
          client: accessToken.clientId ?? 'none',
          audience: accessToken.audience.join(', '),
          scopes: accessToken.scopes.join(' ') || 'none',
          expires: accessToken.expiresAt === null ? 'it does not say' : timeOf(accessToken.expiresAt)
        }).map(([name, value]) => wrap(String(value), `  ${name.padEnd(10)}`, width)).join('\n')],
    ...alsoNeeded === null ? [] : [wrap(`Each request needs ${alsoNeeded}.`, '  ', width)],
    ...refusals.map(({ reason, meaning, expected, received, line, when }, index) => [
      `${refusals.length === 1 ? '' : `${index + 1}. `}${style.bold(reason)}: ${meaning}`,
      ...expected === null ? [] : [wrap(expected, '  expected  ', width)],
      ...received === null ? [] : [wrap(received, '  came      ', width)],
      ...line === null ? [wrap(when, '  fix       ', width)] : [`  line      ${line}`, wrap(when, '  right if  ', width)]
    ].join('\n')),
    ...acceptedWith === null || refusals.length === 1 ? [] : [['With all of them it is accepted:', ...acceptedWith.map(line => `  ${line}`)].join('\n')]
  ]
  return `${parts.join('\n\n')}\n`
}

/** A date, or the number itself where it is too large for a date. */
function timeOf (seconds: number): string {
  const date = new Date(seconds * 1000)
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString()
}
