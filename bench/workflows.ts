import { proxyActivities } from '@temporalio/workflow'
import type { BenchActivities } from './overhead.ts'

// As they are: what carries out the branches of a run.
export { runBranches } from '../workflows/run-branches.ts'
export { runPipeline } from '../workflows/run-pipeline.ts'

const { bare, trivialStep } = proxyActivities<BenchActivities>({ startToCloseTimeout: '1m', heartbeatTimeout: '3s' })

/** `count` activities in a row that write one S3 object each. */
export async function bareActivities(round: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await bare(`${round}-${i}`)
}

/** `count` trivial steps in a row: artifact, step record, lineage. */
export async function trivialSteps(round: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await trivialStep(`${round}-${i}`)
}

/** `count` activities at once that write one S3 object each. */
export async function bareAtOnce(round: string, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, i) => bare(`${round}-${i}`)))
}
