import { z } from 'zod'
import { Output } from '../formats/artifact.ts'
import { StepMaterial } from '../formats/step-key.ts'
import { passOver } from './broken.ts'
import { digestOfJson, hexOf } from './digest.ts'
import { leaveMark, listKeys, publishOnce, readDocument } from './documents.ts'
import { hasBlob } from './objects.ts'
import type { Store } from './store.ts'

/** What a step made, published once under its key: the proof that it need not run again. */
export const StepRecord = z.object({
  stepKey: z.string(),
  material: StepMaterial,
  outputs: z.array(Output),
  /** Small facts about the outputs, for people and for the next steps. */
  facts: z.record(z.string(), z.json()),
  /** The run whose attempt won. */
  run: z.string(),
})
export type StepRecord = z.infer<typeof StepRecord>

/** The name of a step's result: sha256 of the canonical JSON of its material. */
export function stepKeyOf(material: StepMaterial): string {
  return hexOf(digestOfJson(material))
}

const recordKey = (stepKey: string): string => `steps/${stepKey}.json`
const consumerPrefix = (digest: string): string => `lineage/${hexOf(digest)}/`

async function isWhole(store: Store, { outputs }: StepRecord): Promise<boolean> {
  const present = await Promise.all(outputs.map((output) => hasBlob(store, output)))
  return present.every(Boolean)
}

/** The record of this step and no other. */
const recordOf = (stepKey: string) =>
  StepRecord.refine((record) => record.stepKey === stepKey, { message: 'the record of another step' })

/**
 * The record of a step, whether or not what it names is still there. One that is broken counts as none: the step runs
 * again, and its new record takes the place.
 */
export async function readStepRecord(store: Store, stepKey: string): Promise<StepRecord | undefined> {
  return (await passOver(readDocument(store, recordKey(stepKey), recordOf(stepKey))))?.value
}

/** The record of a step, if it is there and all it names still is. */
export async function findStepRecord(store: Store, stepKey: string): Promise<StepRecord | undefined> {
  const record = await readStepRecord(store, stepKey)
  return record !== undefined && (await isWhole(store, record)) ? record : undefined
}

/**
 * Publishes a record, and where its inputs and outputs lead. The first one wins; a loser gets the winner's.
 * Only a record whose artifacts are gone from the store, or that is broken, gives way to a new one.
 * @param traced false for pieces of something larger, whose manifest says what they were made from
 */
export async function publishStepRecord(store: Store, record: StepRecord, traced = true): Promise<StepRecord> {
  if (traced) await publishTraces(store, record)
  const { stepKey } = record
  const isLost = async (winner: StepRecord): Promise<boolean> => !(await isWhole(store, winner))
  return (await publishOnce(store, recordKey(stepKey), recordOf(stepKey), record, isLost)).value
}

async function publishTraces(store: Store, { stepKey, material, outputs }: StepRecord): Promise<void> {
  const inputs = Object.values(material.inputs).filter((digest) => digest.startsWith('sha256:'))
  await Promise.all([
    ...inputs.map((digest) => leaveMark(store, `${consumerPrefix(digest)}read-by-${stepKey}.json`)),
    ...outputs.map(({ digest }) => leaveMark(store, `${consumerPrefix(digest)}made-by-${stepKey}.json`)),
  ])
}

/** Records of the steps that made or read an artifact: lineage one step up, one step down. */
export async function neighbours(
  store: Store,
  digest: string,
): Promise<{ madeBy: StepRecord[]; readBy: StepRecord[] }> {
  const keys = await listKeys(store, consumerPrefix(digest))
  const load = async (role: string): Promise<StepRecord[]> => {
    const stepKeys = keys.flatMap((key) => new RegExp(`/${role}-([0-9a-f]{64})\\.json$`).exec(key)?.[1] ?? [])
    const records = await Promise.all(stepKeys.map((stepKey) => readStepRecord(store, stepKey)))
    return records.filter((record) => record !== undefined)
  }
  return { madeBy: await load('made-by'), readBy: await load('read-by') }
}
