import { SlipwayError } from '../lib/formats/errors.ts'

/** What a signal came to; a server that is away passes, and is tried again for as long as it takes. */
export async function told(whom: string, signal: Promise<unknown>): Promise<void> {
  try {
    await signal
  } catch (error) {
    const why = `${whom} cannot be told: ${(error as Error).message}`
    throw new SlipwayError('TEMPORAL_UNREACHABLE', why, {}, { cause: error })
  }
}
