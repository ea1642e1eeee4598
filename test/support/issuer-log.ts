import type { IssuerLog } from '../../lib/resource/create-issuer.ts'

/** What was logged, with its level. */
export interface RecordedLog extends IssuerLog {
  readonly lines: Array<{ readonly level: string, readonly message: string, readonly details: object }>
}

export function createRecordedLog (): RecordedLog {
  const lines: RecordedLog['lines'] = []
  const record = (level: string) => (details: object, message: string): void => { lines.push({ level, message, details }) }
  return { lines, debug: record('debug'), warn: record('warn') }
}
