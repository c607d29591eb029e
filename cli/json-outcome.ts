import { errorCodes, SlipwayError } from '../pipelines/errors.ts'

/** The one JSON document of a command that ended with an error. */
export function errorDocument(error: unknown): { readonly error: Readonly<Record<string, unknown>>; exitCode: number } {
  if (!(error instanceof SlipwayError)) {
    const message = error instanceof Error ? error.message : String(error)
    return { error: { code: 'INTERNAL', message, next: null }, exitCode: errorCodes.INTERNAL }
  }
  const { next = null, file, line, column, text } = error.facts
  return {
    error: { code: error.code, message: error.message, file, line, column, text, next },
    exitCode: error.exitCode,
  }
}
