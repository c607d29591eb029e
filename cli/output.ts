import { SlipwayError } from '../pipelines/errors.ts'
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

/** An error in at most five lines: what, where it went wrong, what to do. The trace is for `--verbose`. */
export function showError(error: unknown, verbose: boolean): number {
  const known = asSlipwayError(error)
  if (known === undefined) {
    const { message, stack } = error as Error
    say(`${colors.red('error')} INTERNAL: ${firstLines(message ?? String(error), 2)}`)
    say(`  next: this is a fault in Slipway: run again with --verbose and report what it prints`)
    if (verbose && stack !== undefined) say(stack)
    return 1
  }
  say(`${colors.red('error')} ${known.code}: ${firstLines(known.message, 3)}`)
  if (known.facts.next) say(`  next: ${firstLines(known.facts.next, 1)}`)
  if (verbose) say(String(known.stack) + (known.cause instanceof Error ? `\ncaused by ${known.cause.stack}` : ''))
  return known.exitCode
}

/** Errors of definitions come from another copy of the class. */
function asSlipwayError(error: unknown): SlipwayError | undefined {
  return error instanceof SlipwayError ? error : undefined
}

function firstLines(text: string, count: number): string {
  return text.split('\n').slice(0, count).join('\n  ')
}
