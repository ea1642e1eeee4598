import type { TokenExplanation } from '../explain/explain-token.ts'
import type { PrintOptions } from './print-report.ts'
import { marks, wrap } from './style.ts'

/** What the command found out about the server, where it does not have its configuration. */
export interface UrlFindings {
  /** The scopes that the 401 of the URL asks for and the token does not have. */
  readonly missingScopes: readonly string[]
}

const defaultsNote = 'by the metadata document and default settings. The settings of the server may differ: explain --config <file> uses them'

/**
 * An explanation for people.
 *
 * @param findings `null` when the token was checked against the configuration of the server
 */
export function printExplanation (explanation: TokenExplanation, findings: UrlFindings | null, { style, width }: PrintOptions): string {
  const { outcome, resource, accessToken, alsoNeeded, refusals, acceptedWith } = explanation
  const heading = {
    accepted: style.green(`${marks.holds} The token is accepted`),
    refused: findings === null ? style.red(`${marks.fails} The token is refused`) : style.yellow(`${marks.unknown} With default settings the token is refused`),
    unknown: style.yellow(`${marks.unknown} The token could not be checked`)
  }[outcome]
  const parts = [
    `${style.bold(heading)}\n${style.dim(`  for ${resource}`)}${findings === null ? '' : `\n${wrap(defaultsNote, '  ', width)}`}`,
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
    ...findings === null || findings.missingScopes.length === 0
      ? []
      : [wrap(`The route asks for ${findings.missingScopes.join(' ')}, which the token does not have: where it requires this, the answer is 403.`, '  ', width)],
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
