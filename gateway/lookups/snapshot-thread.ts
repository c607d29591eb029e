import { parentPort, workerData } from 'node:worker_threads'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { type PackOrder, packSnapshot } from './pack-snapshot.ts'
import { buffersOf, type PackedTable } from './packed-table.ts'

/** What the thread says, once. */
export type PackAnswer =
  | { readonly table: PackedTable }
  | { readonly failed: { readonly code: SlipwayError['code']; readonly message: string } }

/* A snapshot is read in a thread of its own: requests are answered meanwhile. */
const say = (answer: PackAnswer, transfer: ArrayBuffer[] = []): void => parentPort?.postMessage(answer, transfer)

try {
  const table = await packSnapshot(workerData as PackOrder)
  say({ table }, buffersOf(table))
} catch (error) {
  const code = error instanceof SlipwayError ? error.code : 'DOCUMENT_BROKEN'
  say({ failed: { code, message: (error as Error).message } })
}
