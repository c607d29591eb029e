import { proxyActivities } from '@temporalio/workflow'
import type { BenchActivities } from './overhead.ts'

const { bare, trivialStep } = proxyActivities<BenchActivities>({ startToCloseTimeout: '1m', heartbeatTimeout: '3s' })

/** `count` activities in a row that write one S3 object each. */
export async function bareActivities(round: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await bare(`${round}-${i}`)
}

/** `count` trivial steps in a row: artifact, step record, lineage. */
export async function trivialSteps(round: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await trivialStep(`${round}-${i}`)
}
