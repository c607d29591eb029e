import {
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  TerminatedFailure,
  TimeoutFailure,
} from '@temporalio/common'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Activities } from '../../activities/index.ts'
import type { RunRecord } from '../../lib/formats/records.ts'
import type { RouteChange } from '../../lib/formats/route.ts'
import { refusalOf } from '../../workflows/failures.ts'
import { runWorkflowId } from '../../workflows/messages.ts'
import { samplePlan } from '../support/plans.ts'
import { sampleRoute } from '../support/rollout-mocks.ts'
import { digest, planned, runMocks } from '../support/run-mocks.ts'
import { openWorkflowEnvironment, type WorkflowEnvironment } from '../support/workflow-environment.ts'

/*
 * What becomes of a run whose rollout does not end as rollouts do.
 */
let workflows: WorkflowEnvironment
beforeAll(async () => {
  workflows = await openWorkflowEnvironment()
})
afterAll(() => workflows?.close())

let count = 0
interface Deployed {
  readonly record: RunRecord
  /** What the owner of the endpoint was asked for. */
  readonly asked: readonly RouteChange[]
}

/** A run that deploys beside a champion. */
async function deployed(over: Partial<Activities>): Promise<Deployed> {
  const asked: RouteChange[] = []
  const runId = `sample-${++count}`
  const plan = samplePlan({ approval: false, deploy: true })
  const noHistory = { errors: { n: 0, k: 0 }, latency: { n: 0, k: 0 } }
  const activities = runMocks({
    lookAtEndpoint: async () => ({ route: sampleRoute, cursors: {}, history: noHistory }),
    requestRouteChange: async ({ change }) => {
      asked.push(change)
      return { route: sampleRoute, gateways: 1, mismatch: null }
    },
    requestRegistration: async () => ({ version: 2, champion: 1, registered: true }),
    ...over,
  })
  const { client } = workflows.environment
  return workflows.withWorker(activities, async (taskQueue) => {
    const handle = await client.workflow.start('runPipeline', {
      taskQueue,
      workflowId: runWorkflowId(runId),
      args: [{ runId, pipeline: 'sample', planDigest: planned(plan), sources: {}, snapshots: {}, origin: {} }],
    })
    const record = await handle.result().catch((error) => error.cause.details[0])
    return { record: record as RunRecord, asked }
  })
}

describe('a run whose rollout', () => {
  it('fails ends with its code, its exit code and its words', async () => {
    const { record, asked } = await deployed({
      collectEvidence: async () => {
        throw ApplicationFailure.nonRetryable('the key is not trusted', 'SIGNATURE_INVALID', { next: 'sign it' })
      },
    })
    expect(record).toMatchObject({
      status: 'failed',
      exitCode: 16,
      error: { code: 'SIGNATURE_INVALID', message: 'the key is not trusted', next: 'sign it', step: 'deploy' },
    })
    expect(asked.at(-1)).toMatchObject({ kind: 'finish', promote: false })
  })

  it('fails after it has promoted the candidate ends well: the candidate serves', async () => {
    const candidate = { model: 'sample', version: 2, digest: digest('a') }
    let isPromoted = false
    const noHistory = { errors: { n: 0, k: 0 }, latency: { n: 0, k: 0 } }
    const { record } = await deployed({
      lookAtEndpoint: async () => ({
        route: isPromoted ? { ...sampleRoute, champion: candidate } : sampleRoute,
        cursors: {},
        history: noHistory,
      }),
      requestRouteChange: async ({ change }) => {
        if (isPromoted && change.kind === 'finish')
          throw ApplicationFailure.nonRetryable('it is not the one going on', 'ROUTE_CONFLICT')
        return { route: sampleRoute, gateways: 1, mismatch: null }
      },
      collectEvidence: async () => {
        isPromoted = true
        throw ApplicationFailure.nonRetryable('its record cannot be written', 'STORE_DENIED')
      },
    })
    expect(record).toMatchObject({ status: 'succeeded', exitCode: 0, model: { version: 2, champion: true } })
  })
})

describe('a run', () => {
  it('that meets a fault of ours ends with a record that says so, and is not tried for ever', async () => {
    const { record } = await deployed({
      packageModel: async () => ({ stepKey: 'k', cached: false, outputs: [], facts: {} }),
    })
    expect(record).toMatchObject({ status: 'failed', exitCode: 1, error: { code: 'INTERNAL' } })
    expect(record.error?.message).toContain('has no output "package"')
  })
})

describe('a failure', () => {
  const ofChild = (cause: Error): Error =>
    new ChildWorkflowFailure(
      'default',
      { workflowId: 'rollout/r', runId: '1' },
      'runRollout',
      'NON_RETRYABLE_FAILURE',
      cause,
    )
  const ours = ApplicationFailure.nonRetryable('3 rows', 'DATA_CONTRACT', { next: 'mend it' })

  it.each<[string, Error, object]>([
    ['of ours', ours, { code: 'DATA_CONTRACT', message: '3 rows', next: 'mend it' }],
    ['of ours in a child', ofChild(ours), { code: 'DATA_CONTRACT', message: '3 rows', next: 'mend it' }],
    [
      'wrapped by others',
      ApplicationFailure.create({ type: 'Error', message: 'outer', cause: ours }),
      { code: 'DATA_CONTRACT' },
    ],
    [
      'of a child that was ended',
      ofChild(new TerminatedFailure('by hand')),
      { code: 'CANCELLED', message: 'runRollout rollout/r was terminated' },
    ],
    [
      'of a child that was cancelled',
      ofChild(new CancelledFailure('no')),
      { code: 'CANCELLED', message: 'runRollout rollout/r was cancelled' },
    ],
    [
      'of a child that took too long',
      ofChild(new TimeoutFailure('timed out', undefined, 'START_TO_CLOSE')),
      { code: 'INTERNAL', message: 'runRollout rollout/r took too long: timed out (START_TO_CLOSE)' },
    ],
    ['that nobody foresaw', new TypeError('x is undefined'), { code: 'INTERNAL', message: 'x is undefined' }],
    [
      'with a code of somebody else',
      ApplicationFailure.nonRetryable('hm', 'ECONNRESET'),
      { code: 'INTERNAL', message: 'hm' },
    ],
  ])('%s has a code, its words and what to do next', (_, error, expected) => {
    expect(refusalOf(error)).toMatchObject(expected)
  })
})
