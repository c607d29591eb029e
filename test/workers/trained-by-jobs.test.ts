import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SageMakerLearner } from '../../lib/formats/sagemaker-learner.ts'
import type { TrainedByTrial } from '../../lib/formats/sagemaker-tuning.ts'
import type { OnRecord } from '../../lib/jobs/verify/on-record.ts'
import { putJson } from '../../lib/store/objects.ts'
import { jobInWords, trainedByJobs } from '../../workers/verify/trained-by-jobs.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'

let bucket: TestBucket
beforeAll(async () => {
  bucket = await openTestBucket()
})
afterAll(() => bucket.stop())

const learner = SageMakerLearner.parse({
  kind: 'sagemaker',
  image: 'trainer:1',
  instance: 'ml.m5.large',
  job: { role: 'arn:aws:iam::123456789012:role/r', timeoutMs: 5_400_000, waitMs: 0 },
})

/** What is on record of a version whose step `risk` takes the best job of a search, which left this. */
async function ofSearch(job: TrainedByTrial['job']): Promise<OnRecord> {
  const trained = await putJson(bucket.store, { slipway: 'trained/1', job } satisfies TrainedByTrial)
  const outputs = [{ name: 'trained', ...trained, mediaType: 'application/json' }]
  const steps = [
    { id: 'risk', kind: 'train', learner, tuned: 'tune-risk', ofTrial: true },
    { id: 'fold', kind: 'train', learner },
    { id: 'own', kind: 'train', learner: { kind: 'linear', l2: 1 } },
    { id: 'other', kind: 'train', learner },
  ]
  const again = steps.filter(({ id }) => id !== 'other')
  return { plan: { steps }, again, steps: new Map([['tune-risk', { outputs }]]) } as unknown as OnRecord
}

const stepsOf = async (onRecord: OnRecord) => (await trainedByJobs(bucket.store, onRecord)).map(({ step }) => step)

describe('steps that training jobs did', () => {
  it('are those that the version rests on, and not what a search trained', async () => {
    const job = { name: 'j', model: 'sha256:0', log: 'sha256:0', metrics: {}, seconds: 1 }
    expect(await stepsOf(await ofSearch(job))).toEqual(['fold'])
  })

  it('are also of a search whose choice was kept: that was trained by a job of its own', async () => {
    expect(await stepsOf(await ofSearch(null))).toEqual(['risk', 'fold'])
  })

  it('are told with image, instances and the longest they may take', () => {
    expect(jobInWords({ step: 'risk', learner })).toBe(
      'begins a training job on SageMaker for risk: trainer:1 on one ml.m5.large, for 1.5 h at most',
    )
    const job = { ...learner.job, spot: true } as typeof learner.job
    expect(jobInWords({ step: 'risk', learner: { ...learner, count: 3, job } })).toMatch(
      / on 3 of ml\.m5\.large, spot, for 1\.5 h at most$/,
    )
  })
})
