import type { ActivityOptions } from '@temporalio/workflow'
import { kindOf, type StepKind } from '../lib/formats/step-kinds/index.ts'
import { scoringQueue } from './messages.ts'

/**
 * Every time-out and retry there is. Errors that cannot pass by themselves are marked non-retryable where they arise,
 * so what is retried here is infrastructure: for as long as it takes. A worker's death is noticed by missing heartbeats
 * (sent twice a second) after three seconds; the worker's sticky queue is given up after half a second
 * (`workers/worker.ts`): together some seconds until another worker carries on, not a minute.
 */
const retry: ActivityOptions['retry'] = { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '30s' }

/** All activities send heartbeats twice a second. */
const heartbeatTimeout = '3s'

/** Small and quick: registry, records. */
export const briefly: ActivityOptions = { startToCloseTimeout: '30s', heartbeatTimeout, retry }

/** Work that may take long. */
const steadily = (startToCloseTimeout: NonNullable<ActivityOptions['startToCloseTimeout']>): ActivityOptions => ({
  startToCloseTimeout,
  heartbeatTimeout,
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry,
})

/** Of the activity that carries a step out. */
export const stepOptions = (kind: StepKind): ActivityOptions => steadily(kindOf({ kind }).activity?.within ?? '2h')

/** One trial of a search for parameters. */
export const trying: ActivityOptions = steadily('24h')
/** A search by SageMaker: its own limit is shorter, and ends it. */
export const searching: ActivityOptions = steadily('144h')

/** Looks at the input of a batch: footers, and all keys where they are declared. */
export const planning: ActivityOptions = steadily('2h')
/** One shard: where text has no row groups, a whole file. */
export const scoring: ActivityOptions = { ...steadily('12h'), taskQueue: scoringQueue }
/** A job of SageMaker's: its own time-out is shorter, and ends it. */
export const transforming: ActivityOptions = steadily('144h')
/** Brings a package to a registry elsewhere. */
export const mirroring: ActivityOptions = steadily('2h')
/** Reads the records of all shards, and fills the output folder. */
export const publishing: ActivityOptions = steadily('6h')

/** Waits for the owner workflow of a model, which itself retries. */
export const registration: ActivityOptions = { startToCloseTimeout: '5m', heartbeatTimeout, retry }

/** Reads what was served since the last check; the next check takes what this one cannot. */
export const checking: ActivityOptions = { startToCloseTimeout: '10m', heartbeatTimeout, retry }

/** A receiver of alerts that is away for minutes must not keep checks from going on: the next one tells again. */
export const alerting: ActivityOptions = { ...briefly, retry: { ...retry, maximumAttempts: 6 } }

/**
 * Waits for those who serve to load a version and apply a revision: seconds of gateways, minutes of hosted endpoints,
 * hours of those whose alarms are watched.
 */
export const readingBack: ActivityOptions = { startToCloseTimeout: '12h', heartbeatTimeout, retry }

/** How long an owner leaves an endpoint alone before it looks whether somebody wrote past it. */
export const reconcileEvery = '30s'
