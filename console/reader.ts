import type { ClientContext } from '../client/context.ts'
import { findDocument } from './documents.ts'
import { type Answered, errorOf } from './live.ts'

/** Reads documents by their paths; what keeps one away is said in its place. */
export const documentReader =
  (context: ClientContext) =>
  async (path: string): Promise<Answered> => {
    const asked = findDocument(path)
    if (asked === undefined)
      return { path, command: '', error: { code: 'NOT_FOUND', message: `there is no page ${path}`, next: null } }
    const { command } = asked
    try {
      return { path, command, document: (await asked.read(context)) ?? null }
    } catch (error) {
      return { path, command, error: errorOf(error) }
    }
  }
