import { z } from 'zod'
import { BatchPolicy } from '../formats/batch-policy.ts'
import { BatchRecord } from '../formats/batch-records.ts'
import type { SlipwayError } from '../formats/errors.ts'
import { isBroken, passOver } from './broken.ts'
import { listKeys, publishOnce, readDocument } from './documents.ts'
import { readRef, updateRef } from './refs.ts'
import type { Store } from './store.ts'

/** What is scored on a schedule: the value of the ref `batches/<owner>/<name>`. */
export const BatchDefinition = z.object({ pipeline: z.string(), endpoint: z.string(), policy: BatchPolicy })
export type BatchDefinition = z.infer<typeof BatchDefinition>

const refName = (owner: string, name: string): string => `batches/${owner}/${name}`
const recordKey = (owner: string, name: string, partition: string, generation: number): string =>
  `batches/${owner}/${name}/${partition}/${String(generation).padStart(6, '0')}.json`

export async function readBatchDefinition(
  store: Store,
  owner: string,
  name: string,
): Promise<BatchDefinition | undefined> {
  return (await readRef(store, refName(owner, name), BatchDefinition))?.value
}

export async function writeBatchDefinition(
  store: Store,
  name: string,
  definition: BatchDefinition,
  run: string,
): Promise<void> {
  const ref = refName(definition.pipeline, name)
  await updateRef(store, ref, BatchDefinition, `run ${run} deployed`, () => definition)
}

/** Owners and names of all that is defined, for people. */
export async function listBatchDefinitions(store: Store): Promise<{ owner: string; name: string }[]> {
  const keys = await listKeys(store, 'refs/batches/')
  return keys.flatMap((key) => {
    const [, , owner, file] = key.split('/')
    return owner === undefined || file === undefined ? [] : [{ owner, name: file.slice(0, -'.json'.length) }]
  })
}

/**
 * The record in force: the last generation. Generations have no gaps, so the next one is asked for by name.
 * @param redo whether the partition is scored again: then a broken record counts for nothing, and the new one takes its
 * place
 * @throws SlipwayError DOCUMENT_BROKEN when the last one is: which manifest is in force is not guessed
 */
export async function readBatch(
  store: Store,
  owner: string,
  name: string,
  partition: string,
  redo = false,
): Promise<BatchRecord | undefined> {
  let last: BatchRecord | undefined
  let broken: SlipwayError | undefined
  for (let generation = 1; ; generation++) {
    try {
      const document = await readDocument(store, recordKey(owner, name, partition, generation), BatchRecord)
      if (document === undefined) break
      last = document.value
      broken = undefined
    } catch (error) {
      if (!isBroken(error)) throw error
      broken = error
    }
  }
  if (broken !== undefined && !redo) throw broken
  return last
}

/** Puts a manifest in force, create-only; a broken record gives way. @returns false when another one was first */
export async function publishBatchRecord(store: Store, record: BatchRecord): Promise<boolean> {
  const { owner, name, slot: partition, generation } = record
  return (await publishOnce(store, recordKey(owner, name, partition, generation), BatchRecord, record)).first
}

/** Everything that was published, what was superseded included, for people; what is broken is passed over. */
export async function listBatchRecords(store: Store): Promise<BatchRecord[]> {
  const keys = await listKeys(store, 'batches/', Number.POSITIVE_INFINITY)
  const records: BatchRecord[] = []
  for (let at = 0; at < keys.length; at += 32) {
    const documents = await Promise.all(
      keys.slice(at, at + 32).map((key) => passOver(readDocument(store, key, BatchRecord))),
    )
    for (const document of documents) if (document !== undefined) records.push(document.value)
  }
  return records
}

/** Slots that were published, for people. */
export async function listPartitions(store: Store, owner: string, name: string, limit = 1000): Promise<string[]> {
  const prefix = `batches/${owner}/${name}/`
  const keys = await listKeys(store, prefix, limit)
  return [...new Set(keys.map((key) => key.slice(prefix.length).split('/')[0] as string))].sort()
}
