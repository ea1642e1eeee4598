import type { CheckOutcome } from '../check.ts'
import type { DoctorReport, ReportedCheck } from '../report.ts'
import type { Style } from './style.ts'
import { marks, wrap } from './style.ts'

export interface PrintOptions {
  readonly style: Style
  /** Columns of a line. */
  readonly width: number
  /** Whether checks that hold or do not apply are listed, with what was sent and what came. */
  readonly isVerbose: boolean
}

/** A report for people: what does not hold comes first. */
export function printReport (report: DoctorReport, options: PrintOptions): string {
  const { style } = options
  const { checks, url, resource, durationMs } = report
  const failed = checks.filter(({ outcome, level }) => outcome === 'fails' && level === 'required')
  const advised = checks.filter(({ outcome, level }) => outcome === 'fails' && level === 'recommended')
  const unknown = checks.filter(({ outcome }) => outcome === 'unknown')
  const parts = [
    `${style.bold(url)}\n${style.dim(`resource ${resource ?? 'not found'} · ${checks.length} checks in ${(durationMs / 1000).toFixed(1)} s`)}`,
    summaryOf(report, failed.length, advised.length, style),
    ...failed.map(check => finding(check, style.red(marks.fails), options)),
    ...advised.map(check => finding(check, style.yellow(marks.advice), options)),
    ...unknown.length === 0 ? [] : [unknownChecks(unknown, options)],
    groupsOf(checks, options),
    ...registrationOf(report, options)
  ]
  return `${parts.join('\n\n')}\n`
}

function summaryOf ({ counts }: DoctorReport, failed: number, advised: number, { green, red, yellow, dim }: Style): string {
  return [
    failed === 0 ? '' : red(`${marks.fails} ${failed} ${failed === 1 ? 'does' : 'do'} not hold`),
    advised === 0 ? '' : yellow(`${marks.advice} ${advised} recommended`),
    green(`${marks.holds} ${counts.holds} hold`),
    counts.unknown === 0 ? '' : yellow(`${marks.unknown} ${counts.unknown} could not be checked`),
    dim(`${marks.not_applicable} ${counts.not_applicable} do not apply`)
  ].filter(part => part !== '').join('   ')
}

function finding ({ id, title, rfc, message, why = '', fix = '', evidence }: ReportedCheck, mark: string, { style, width }: PrintOptions): string {
  const [shown] = evidence
  return [
    `${mark} ${style.bold(title)}`,
    wrap(message, '  found   ', width),
    ...shown === undefined ? [] : [wrap(shown.sent, '  sent    ', width), wrap(shown.received, '  came    ', width)],
    wrap(why, '  why     ', width),
    wrap(fix, '  fix     ', width),
    style.dim(`  ${rfc} · ${id}`)
  ].join('\n')
}

/** One reason often stands for many checks: they are counted, and --verbose lists them. */
function unknownChecks (checks: readonly ReportedCheck[], { style, width }: PrintOptions): string {
  const reasons = [...new Set(checks.map(({ message }) => message))]
  return reasons.map(reason => {
    const own = checks.filter(({ message }) => message === reason)
    const [{ title, id }] = own as [ReportedCheck]
    const [heading, detail] = own.length === 1
      ? ['Could not be checked', `${title} (${id})`]
      : [`${own.length} checks could not be made`, `${groupNames(own).join(', ')} (--verbose lists them)`]
    return `${style.yellow(marks.unknown)} ${style.bold(heading)}: ${reason}\n${wrap(detail, '    ', width)}`
  }).join('\n\n')
}

function groupNames (checks: readonly ReportedCheck[]): readonly string[] {
  return [...new Set(checks.map(({ group }) => group))]
}

/** The mark of a group is that of its worst check. */
function markOf (checks: readonly ReportedCheck[], { red, yellow, green, dim }: Style): string {
  const has = (outcome: CheckOutcome, level?: ReportedCheck['level']): boolean =>
    checks.some(check => check.outcome === outcome && (level === undefined || check.level === level))
  if (has('fails', 'required')) return red(marks.fails)
  if (has('fails')) return yellow(marks.advice)
  if (has('unknown')) return yellow(marks.unknown)
  return has('holds') ? green(marks.holds) : dim(marks.not_applicable)
}

function groupsOf (checks: readonly ReportedCheck[], options: PrintOptions): string {
  const { style, isVerbose, width } = options
  const groups = groupNames(checks)
  const longest = Math.max(...groups.map(group => group.length))
  return groups.map(group => {
    const own = checks.filter(check => check.group === group)
    const applied = own.filter(({ outcome }) => outcome !== 'not_applicable')
    const held = applied.filter(({ outcome }) => outcome === 'holds')
    const count = applied.length === 0 ? style.dim(isVerbose ? 'does not apply' : own[0]!.message) : `${held.length} of ${applied.length}`
    const line = `${markOf(own, style)} ${group.padEnd(longest)}   ${count}`
    if (!isVerbose) return line
    return [line, ...own.flatMap(({ outcome, title, message, evidence, id }) => [
      wrap(`${title}: ${message} (${id})`, `    ${marks[outcome]} `, width),
      ...outcome === 'holds' ? evidence.flatMap(({ sent, received }) => [style.dim(wrap(sent, '        ', width)), style.dim(wrap(received, '        ', width))]) : []
    ])].join('\n')
  }).join('\n')
}

function registrationOf ({ registration }: DoctorReport, { style }: PrintOptions): string[] {
  if (registration.length === 0) return []
  return [[
    style.bold('Can MCP clients register there?'),
    ...registration.map(({ issuer, dynamicRegistration, clientIdMetadataDocuments }) => {
      const ways = [...clientIdMetadataDocuments ? ['client ID metadata documents'] : [], ...dynamicRegistration ? ['dynamic registration'] : []]
      return `  ${issuer}: ${ways.length === 0 ? 'no, register each client beforehand' : `yes, by ${ways.join(' and ')}`}`
    })
  ].join('\n')]
}
