import { brief } from '../lib/formats/brief.ts'
import { type ErrorCode, errorCodes, SlipwayError, type SourcePlace } from '../lib/formats/errors.ts'
import { colors } from './colors.ts'
import { writeDocument, writeMessage, writeResult } from './sinks.ts'

/** Progress and messages go to standard error; standard output carries results only. */
export function say(line: string): void {
  writeMessage(`${line}\n`)
}

export function print(line: string): void {
  writeResult(`${line}\n`)
}

/** The one JSON document of a command with `--json`. */
export function printJson(value: unknown): void {
  writeDocument(`${JSON.stringify(value, null, 2)}\n`)
}

/** Rows as columns of text, two spaces apart. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => (row[i] ?? '').length)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd()
  return [colors.dim(line(header)), ...rows.map(line)].join('\n')
}

/** Duration for people. */
export function seconds(value: number): string {
  return value < 60 ? `${value.toFixed(1)} s` : `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`
}

/** What is said of an error, in the words and fields of `--json`. */
interface ShownError extends Partial<SourcePlace> {
  readonly code: ErrorCode
  readonly message: string
  readonly next: string | null
}

/** System errors that a wrong path or a missing right brings about, and what to say of them. */
const systemErrors: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of the path is no folder',
  EROFS: 'it is read-only',
  ENAMETOOLONG: 'the name is too long',
  ELOOP: 'its links lead in a circle',
}

/** An error as it is shown; what nobody foresaw is a fault of ours. */
function shown(error: unknown): ShownError {
  if (error instanceof SlipwayError) {
    const { code, message, facts } = error
    return { code, message: facts.inFull ?? message, ...facts.at, next: facts.next ?? null }
  }
  const { code = '', path } = (error ?? {}) as { code?: unknown; path?: unknown }
  const why = systemErrors[String(code)]
  if (why !== undefined && typeof path === 'string')
    return { code: 'USAGE', message: `${path}: ${why} (${code})`, next: 'check the path, and who may read or write it' }
  return {
    code: 'INTERNAL',
    message: error instanceof Error ? error.message : String(error),
    next: 'this is a fault in Slipway: run again with --verbose and report what it prints',
  }
}

/**
 * Says what went wrong. For people: at most five lines on standard error: what, the line of theirs, what to do; the
 * trace is for `verbose`. With `json` besides: one document on standard output, `{ error: { code, message, file, line,
 * column, text, next }, exitCode }`; the place is there where the fault is in a file of theirs.
 * @returns the exit code
 */
export function showError(error: unknown, { verbose = false, json = false } = {}): number {
  const fault = shown(error)
  const exitCode = errorCodes[fault.code]
  const { code, message, text, next } = fault
  const line = text ? `\n  | ${brief(text.trim(), 160)}` : ''
  say(`${colors.red('error')} ${code}: ${firstLines(message, text ? 2 : 3)}${line}`)
  if (next !== null) say(`  next: ${firstLines(next, 1)}`)
  if (verbose && error instanceof Error)
    say(String(error.stack) + (error.cause instanceof Error ? `\ncaused by ${error.cause.stack}` : ''))
  if (json) printJson({ error: fault, exitCode })
  return exitCode
}

function firstLines(text: string, count: number): string {
  return text.split('\n').slice(0, count).join('\n  ')
}
