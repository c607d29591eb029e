import type { StepOf } from '../../lib/formats/plan.ts'
import type { SageMakerLearner } from '../../lib/formats/sagemaker-learner.ts'
import { TrainedByTrial } from '../../lib/formats/sagemaker-tuning.ts'
import { type OnRecord, outputOnRecord } from '../../lib/jobs/verify/on-record.ts'
import { getJson } from '../../lib/store/objects.ts'
import type { Store } from '../../lib/store/store.ts'

/** A step that a training job on SageMaker did, for it alone. */
export interface TrainedByJob {
  readonly step: string
  readonly learner: SageMakerLearner
}

/**
 * Steps that a version rests on and that training jobs did, in the order in which they are done again; not those that
 * took what a search had trained.
 */
export async function trainedByJobs(store: Store, onRecord: OnRecord): Promise<TrainedByJob[]> {
  const made: TrainedByJob[] = []
  for (const { id } of onRecord.again) {
    const step = onRecord.plan.steps.find((each): each is StepOf<'train'> => each.id === id && each.kind === 'train')
    if (step?.learner.kind !== 'sagemaker' || (await isOfSearch(store, onRecord, step))) continue
    made.push({ step: id, learner: step.learner })
  }
  return made
}

/** A retraining that keeps what was chosen trains by a job of its own. */
async function isOfSearch(store: Store, { steps }: OnRecord, { ofTrial, tuned }: StepOf<'train'>): Promise<boolean> {
  const trained = ofTrial && outputOnRecord(steps.get(tuned ?? ''), 'trained')
  return trained !== undefined && (await getJson(store, trained.digest, TrainedByTrial)).job !== null
}

/** `begins a training job on SageMaker for risk: node:20 on one ml.m5.large, for 22 h at most` */
export function jobInWords({ step, learner }: TrainedByJob): string {
  const { image, instance, count, job } = learner
  const instances = count === 1 ? `one ${instance}` : `${count} of ${instance}`
  const spot = job?.spot === true ? ', spot' : ''
  const bound = job === undefined ? '' : `, for ${Number((job.timeoutMs / 3_600_000).toPrecision(3))} h at most`
  return `begins a training job on SageMaker for ${step}: ${image} on ${instances}${spot}${bound}`
}
