import type { RunRecord } from '../formats/records.ts'
import { readVersion } from './registry.ts'
import { readWholeRun } from './runs.ts'
import { readStepRecord } from './steps.ts'
import type { Store } from './store.ts'

/** The run that made a version of a model; undefined where nothing of it is on record. */
export async function runOfVersion(store: Store, model: string, digest: string): Promise<RunRecord | undefined> {
  const version = await readVersion(store, model, digest)
  return version === undefined ? undefined : readWholeRun(store, version.run)
}

/**
 * The table that a version was trained on, by its digest: what its training read, whatever other splits and branches
 * its run has. Undefined where that is not on record.
 */
export async function trainingTableOf(store: Store, model: string, digest: string): Promise<string | undefined> {
  const run = await runOfVersion(store, model, digest)
  const packaged = run?.steps.find(
    ({ kind, outputs }) => kind === 'package' && outputs.some((output) => output.digest === digest),
  )
  const made = packaged && (await readStepRecord(store, packaged.stepKey))
  const trained = made?.material.inputs.train
  return trained === undefined ? undefined : (await readStepRecord(store, trained))?.material.inputs.train
}
