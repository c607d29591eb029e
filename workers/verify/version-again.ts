import { randomUUID } from 'node:crypto'
import { hostVersions } from '../../lib/code/host.ts'
import { adaptersOf } from '../../lib/extensions/adapters.ts'
import type { OnRecord } from '../../lib/jobs/verify/on-record.ts'
import { type ScratchPlace, takeInputs } from '../../lib/jobs/verify/take-inputs.ts'
import type { PackageSource } from '../../lib/models/package.ts'
import { newKeyPair, signerFrom, trustedKeysFrom } from '../../lib/store/signing.ts'
import { type StepsHere, stepsHere } from '../steps-here.ts'
import type { ScratchStore } from './scratch-store.ts'
import type { TrainedByJob } from './trained-by-jobs.ts'
import type { VerifyView } from './verified.ts'

export interface VerifyOrder {
  /** Where the version is, and whose signatures count. Nothing is written there. */
  readonly source: PackageSource
  /** The project, whose `slipway.config.ts` may add learners. */
  readonly root: string
  readonly onRecord: OnRecord
  readonly scratch: ScratchStore
  /** How far predictions may be apart where bytes may be: see `predictionsApart`. */
  readonly tolerance: number
  /** Trainings that jobs on SageMaker did and that jobs do again, and what ends those. */
  readonly trainAgain?: { readonly steps: readonly TrainedByJob[]; readonly signal: AbortSignal }
}

/** A version that is being made again: the scratch store holds what it was made from, and what it made so far. */
export interface VersionAgain extends VerifyOrder {
  readonly place: ScratchPlace
  readonly here: StepsHere
  /** The ends of the jobs that were begun. */
  readonly jobs: readonly Promise<unknown>[]
}

/** Takes what a version was made from to the scratch store. @throws SlipwayError where some of it is not as it was */
export async function beginAgain(order: VerifyOrder, view: VerifyView): Promise<VersionAgain> {
  const { source, scratch, onRecord, root, trainAgain } = order
  const { store, folder } = scratch
  // A key of its own: nothing is signed in anybody's name.
  const { privateKey, publicKey } = newKeyPair()
  const place = { store, signer: signerFrom(privateKey) }
  view.working('inputs', 'taking what it was made from', 0)
  const taken = await takeInputs(source, place, onRecord)
  const jobs: Promise<unknown>[] = []
  const { runId } = onRecord.run
  const jobsAgain = {
    store: source.store,
    asker: `verify-${runId}-${randomUUID()}`,
    begun: (ended: Promise<unknown>) => void jobs.push(ended),
  }
  const deps = {
    store,
    signer: place.signer,
    trusted: trustedKeysFrom([publicKey]),
    host: hostVersions(),
    root,
    adapters: await adaptersOf(root, { store }),
    scratch: folder,
    ...(trainAgain !== undefined && { jobsAgain }),
  }
  const run = { ...taken, plan: onRecord.plan, runId }
  const here = stepsHere(deps, run, view.working)
  trainAgain?.signal.addEventListener('abort', here.cancel)
  return { ...order, place, here, jobs }
}
