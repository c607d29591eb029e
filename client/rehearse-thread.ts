import { parentPort, workerData } from 'node:worker_threads'
import { type PlainError, plainError } from '../lib/code/thread-errors.ts'
import type { Rehearsal, RehearsalOrder } from '../lib/jobs/rehearsal.ts'
import { rehearse } from '../lib/jobs/rehearse.ts'

/** What the thread of a rehearsal says. */
export type RehearsalMessage =
  | { readonly running: true }
  | { readonly done: Rehearsal[] }
  | { readonly error: PlainError }

const say = (message: RehearsalMessage): void => parentPort?.postMessage(message)

try {
  const done = await rehearse(workerData as RehearsalOrder, () => say({ running: true }))
  // What functions left behind gets its turn: a promise that fails ends this thread.
  await new Promise((resolve) => setImmediate(resolve))
  say({ done })
} catch (error) {
  say({ error: plainError(error) })
}
