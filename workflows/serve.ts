import { ApplicationFailure } from '@temporalio/workflow'
import type { ErrorCode } from '../lib/formats/errors.ts'
import type { Expected } from '../lib/formats/in-force.ts'
import type { StepOutline } from '../lib/formats/plan-outline.ts'
import type { ModelVersion } from '../lib/formats/route.ts'
import { refusalOf } from './failures.ts'
import type { RouteOrder } from './messages.ts'
import type { RunState } from './run-state.ts'

/*
 * How a version is served where no rollout is needed: the first one of an endpoint, or the one that it serves already.
 */

/** A version on its way to an endpoint. */
export interface Arrival {
  readonly state: RunState
  readonly step: StepOutline<'deploy'>
  readonly candidate: ModelVersion
  /** What it was judged against. */
  readonly expect: Expected
}

/** @returns what was done, in words; null when somebody else opened the endpoint first */
export async function open({ state, step, candidate, expect }: Arrival): Promise<string | null> {
  const { endpoint } = step
  const order: RouteOrder = {
    change: { kind: 'open', variant: candidate, expect },
    target: step.target,
    reason: `run ${state.input.runId}: the first version`,
  }
  try {
    const { gateways, mismatch } = await state.owners.changeRoute(endpoint, order, `open ${endpoint}`)
    if (step.hosting !== undefined && mismatch !== null) throw notHosted(endpoint, mismatch)
    if (step.hosting !== undefined) return `${endpoint} serves version ${candidate.version}, its first; on SageMaker`
    const applied = gateways === 0 ? 'no gateway runs' : `${gateways} gateway${gateways === 1 ? '' : 's'}`
    return `${endpoint} serves version ${candidate.version}, its first; ${mismatch ?? applied}`
  } catch (error) {
    if (refusalOf(error).code === 'ROUTE_CONFLICT') return null
    throw error
  }
}

/** Has the owner change what the champion looks up, or how it is hosted: its rows stay what they were. */
export async function serveAnew({ state, step, candidate }: Arrival, isHostedTheSame: boolean): Promise<void> {
  const { endpoint, target } = step
  const lookups = candidate.lookups === undefined ? 'nothing is looked up' : 'other lookups'
  const reason = `run ${state.input.runId}: ${isHostedTheSame ? lookups : 'hosted otherwise'}`
  const order: RouteOrder = { change: { kind: 'lookups', variant: candidate }, target, reason }
  const { mismatch } = await state.owners.changeRoute(endpoint, order, `lookups of ${endpoint}`)
  if (!isHostedTheSame && mismatch !== null) throw notHosted(endpoint, mismatch)
}

/** Has the owner apply once more what is in force, and say whether it is applied. */
export async function serveAgain({ state, step, candidate }: Arrival): Promise<void> {
  const { endpoint, target } = step
  const order: RouteOrder = {
    change: { kind: 'open', variant: candidate },
    target,
    reason: `run ${state.input.runId}: the version in force`,
  }
  const { mismatch } = await state.owners.changeRoute(endpoint, order, `${endpoint} as it is`)
  if (mismatch !== null) throw notHosted(endpoint, mismatch)
}

/** What a version ends with that its target does not serve, where no other version does either. */
const notHosted = (endpoint: string, why: string): ApplicationFailure =>
  ApplicationFailure.create({
    message: `${endpoint} is not served as it should be: ${why}`,
    type: 'TARGET_FAILED' satisfies ErrorCode,
    nonRetryable: true,
    details: [{ next: 'correct what it names, then the same run again: it is tried anew' }],
  })
