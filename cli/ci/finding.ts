import { SlipwayError, type SourcePlace } from '../../lib/formats/errors.ts'

/** Something that is wrong, for whoever shows it beside the code. */
export interface Finding {
  /** A code of errors: `GATE_FAILED`. */
  readonly code: string
  readonly message: string
  /** In a file of the project; null where no line of it is to blame. */
  readonly at: FoundPlace | null
}
/** A line of a file. */
export type FoundPlace = Pick<SourcePlace, 'file' | 'line' | 'column'>

/** What an error says. */
export function findingOf(error: unknown): Finding {
  if (!(error instanceof SlipwayError)) return { code: 'INTERNAL', message: String(error), at: null }
  const { code, message, facts } = error
  return { code, message, at: facts.at ?? null }
}
