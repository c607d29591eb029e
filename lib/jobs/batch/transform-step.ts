import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { BatchFile, BatchPlan } from '../../formats/batch-records.ts'
import { SlipwayError } from '../../formats/errors.ts'
import type { TransformPolicy } from '../../formats/transform-policy.ts'
import { type StagePackageDeps, stagePackage } from '../../models/stage-package.ts'
import type { SageMakerClients } from '../../sagemaker/clients.ts'
import { ensureModel } from '../../sagemaker/models.ts'
import { sageMakerTags } from '../../sagemaker/names.ts'
import { type Staging, staging } from '../../sagemaker/staging.ts'
import { runTransform } from '../../sagemaker/transform-jobs.ts'
import { fetchInput } from '../../sources/inputs.ts'
import { hexOf } from '../../store/digest.ts'
import { findStepRecord, stepKeyOf } from '../../store/steps.ts'
import type { Store } from '../../store/store.ts'
import { isCancelledForGood, type Once, type StepWork } from '../step-work.ts'
import { shardOrder } from './shard-order.ts'
import { materialOf, type ShardRecords, scoreOnce } from './shard-step.ts'
import { stagedFile } from './stage-shard.ts'
import { fieldNames } from './transformed-rows.ts'

/** What batches are scored elsewhere with. */
export interface TransformDeps extends ShardRecords, StagePackageDeps {
  /** Made when they are needed. */
  readonly sageMaker: () => SageMakerClients
}

/** A shard of a plan that is in the store. */
interface PlannedShard {
  readonly planDigest: string
  readonly plan: BatchPlan
  readonly shard: number
}

/** Where the rows of a batch, and the answers to them, lie meanwhile: the place follows from its plan. */
const placeOf = (store: Store, planDigest: string): Staging => staging(store, placeName(planDigest))
const placeName = (planDigest: string): string => `transform/${hexOf(planDigest).slice(0, 24)}`

const rowsName = (shard: number): string => `shard-${String(shard).padStart(6, '0')}.jsonl`
const attemptName = (attempt: number): string => `out-${attempt}`
/** Answers to an object have its name and this ending (Developer Guide, "Use batch transform"). */
const answersName = (shard: number, attempt: number): string => `${attemptName(attempt)}/${rowsName(shard)}.out`

/** Bytes of a shard's answers, at most: a row's are a few dozen. */
const mostAnswers = 8 * 1024 ** 3

/**
 * Lays the rows of a shard out to be scored elsewhere, unless it has a record already.
 * @returns whether it has, and how many rows there are otherwise
 */
export async function stageOnce(
  deps: TransformDeps,
  { planDigest, plan, shard }: PlannedShard,
  { progress, job }: Pick<StepWork, 'progress' | 'job'>,
  takeTurn: <T>(work: () => Promise<T>) => Promise<T>,
): Promise<{ readonly cached: boolean; readonly rows: number }> {
  const { store } = deps
  const file = plan.inputs[plan.shards[shard]?.file ?? 0] as BatchFile
  const { path, digest } = await fetchInput(store, file)
  const known = await findStepRecord(store, stepKeyOf(materialOf(deps.host, plan, shard, digest)))
  if (known !== undefined) return { cached: true, rows: 0 }
  const folder = await mkdtemp(join(deps.scratch, 'stage-'))
  try {
    const order = await shardOrder(deps, plan, shard, path, folder)
    progress('waiting for a thread', 0)
    const { rows } = await takeTurn(() => job('stageShard', order))
    if (rows > 0) await placeOf(store, planDigest).putFile(`in/${rowsName(shard)}`, join(folder, stagedFile))
    return { cached: false, rows }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Scores all rows that were laid out, by one job. @returns the attempt whose answers count */
export async function transformOnce(
  deps: TransformDeps,
  { planDigest, plan, run }: { readonly planDigest: string; readonly plan: BatchPlan; readonly run: string },
  work: Pick<StepWork, 'progress' | 'signal'>,
): Promise<{ readonly attempt: number; readonly job: string }> {
  const { store } = deps
  const { owner, name, slot, model, policy } = plan
  const place = placeOf(store, planDigest)
  const on = policy.on as TransformPolicy
  const { image, role } = on
  const clients = deps.sageMaker()
  work.progress('bringing the model to SageMaker', 0)
  const data = await stagePackage(deps, model)
  const served = await ensureModel(clients, { ...model, image, role, data })
  return runTransform(clients, {
    stem: `slipway-${owner}-${name}`,
    what: { plan: planDigest },
    run,
    model: served,
    policy: on,
    from: `${place.uri}/in/`,
    fields: fieldNames,
    tags: sageMakerTags({ owner, batch: name, partition: slot, plan: planDigest, model: model.digest }),
    toOf: (attempt) => `${place.uri}/${attemptName(attempt)}`,
    async isWhole(attempt) {
      const names = new Set(await place.list())
      const rows = [...names].filter((each) => each.startsWith('in/')).map((each) => each.slice('in/'.length))
      return rows.every((each) => names.has(`${attemptName(attempt)}/${each}.out`))
    },
    signal: work.signal,
    isUnwanted: () => isCancelledForGood(work.signal),
    progress: (what) => work.progress(what, 0),
  })
}

/**
 * Makes the parts of a shard of the answers to its rows, once. The bytes are those that scoring it here would have
 * made, if the container answers as the package does.
 */
export async function collectOnce(
  deps: TransformDeps,
  { planDigest, plan, shard, attempt }: PlannedShard & { readonly attempt: number },
  once: Once,
  takeTurn: <T>(work: () => Promise<T>) => Promise<T>,
) {
  const { store } = deps
  const place = placeOf(store, planDigest)
  return scoreOnce(deps, { plan, shard }, once, takeTurn, async (folder) => {
    const file = join(folder, 'answers.jsonl')
    const name = answersName(shard, attempt)
    // Of a shard without good rows there is none: then no answer is the right number of answers.
    if ((await place.fetch(name, file, mostAnswers)) === undefined) return undefined
    return file
  }).catch(async (error) => {
    // Answers that cannot be used must not be found again by whoever scores the batch anew.
    if (error instanceof SlipwayError && error.code === 'SAGEMAKER_OUTPUT')
      await staging(store, `${placeName(planDigest)}/${attemptName(attempt)}`).clear()
    throw error
  })
}

/** Clears away what a batch that is published has no need of. */
export const clearStaged = (store: Store, planDigest: string): Promise<void> => placeOf(store, planDigest).clear()
