import { type ErrorFacts, isErrorCode, SlipwayError } from '../formats/errors.ts'

/** An error on its way from one thread to another, where classes are lost. */
export interface PlainError {
  readonly code: string
  readonly message: string
  readonly facts: ErrorFacts
  readonly stack: string | undefined
}

export function plainError(error: unknown): PlainError {
  const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined }
  if (!(error instanceof SlipwayError)) return { code: 'INTERNAL', message, facts: {}, stack }
  return { code: error.code, message, facts: JSON.parse(JSON.stringify(error.facts)), stack }
}

export function errorFrom({ code, message, facts, stack }: PlainError): Error {
  const error = isErrorCode(code) ? new SlipwayError(code, message, facts) : new Error(message)
  if (stack !== undefined) error.stack = stack
  return error
}
