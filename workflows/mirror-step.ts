import { proxyActivities } from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import { exitCodes } from '../lib/formats/errors.ts'
import type { StepOutline } from '../lib/formats/plan-outline.ts'
import type { MirroredStatus } from '../lib/formats/registry-mirror.ts'
import { outputOf, type StepInputs, type StepOutcome } from '../lib/formats/step-inputs.ts'
import { refOf } from '../lib/formats/step-order.ts'
import type { Stop } from './messages.ts'
import { briefly, mirroring } from './options.ts'
import { judgedBy, type RunState } from './run-state.ts'

/** A package in a registry elsewhere. */
export interface Mirrored {
  readonly arn: string
  readonly group: string
  readonly run: string
}

/** Puts a package into the registry elsewhere. */
export async function mirror(state: RunState, step: StepOutline<'mirror'>, inputs: StepInputs): Promise<StepOutcome> {
  const { input } = state
  const { evaluation, gates } = judgedBy(state, step.package)
  const { mirrorModel } = proxyActivities<Activities>({ ...mirroring, summary: step.summary })
  const arn = await mirrorModel({
    run: input.runId,
    step: refOf(input, step),
    digest: (inputs.package as StepInputs[string]).digest,
    gates: gates === undefined ? null : outputOf(gates, 'gates').digest,
    metrics: (evaluation?.facts.metrics ?? {}) as Record<string, number>,
    creator: input.origin.user ?? null,
  })
  return {
    stepKey: '',
    cached: false,
    outputs: [],
    facts: { arn, summary: `in SageMaker's group ${step.group}: ${arn.split('/').at(-1)}` },
  }
}

/** How a package is called elsewhere, where it was put there. */
export function mirrored({ plan, outcomes, input }: RunState, packageId: string): Mirrored | undefined {
  const step = plan.steps.find((each) => each.kind === 'mirror' && each.package === packageId)
  const arn = step && outcomes.get(step.id)?.facts.arn
  return step?.kind === 'mirror' && typeof arn === 'string' ? { arn, group: step.group, run: input.runId } : undefined
}

const asks = (group: string) =>
  proxyActivities<Activities>({ ...briefly, summary: `how it stands in SageMaker's group ${group}` })

/** Asks for a decision there. @returns how it stands: decided, where somebody was quicker */
export const askThere = ({ arn, group, run }: Mirrored, since: string, reason: string): Promise<MirroredStatus> =>
  asks(group).askMirror({ arn, run, since, reason })

/**
 * How it stands there. Where that cannot be found out nothing is decided, and what waits goes on waiting: people here
 * can decide all the same.
 */
export async function standsThere({ arn, group }: Mirrored): Promise<MirroredStatus | undefined> {
  try {
    return await asks(group).lookAtMirror({ arn })
  } catch {
    return undefined
  }
}

/** Writes a decision there. @returns how it stands then: rejected, where somebody there says so */
export const decideThere = (
  { arn, group, run }: Mirrored,
  decided: { readonly approved: boolean; readonly reason: string },
): Promise<MirroredStatus> => asks(group).decideMirror({ arn, run, ...decided })

/** Why a package is not registered that somebody elsewhere has refused since; undefined where nobody has. */
export async function refusedThere(
  state: RunState,
  { id, package: packageId }: StepOutline<'register'>,
): Promise<Stop | undefined> {
  const there = mirrored(state, packageId)
  if (there === undefined) return undefined
  const { status, isTheirs, reason } = await asks(there.group).lookAtMirror({ arn: there.arn })
  if (status !== 'rejected' || !isTheirs) return undefined
  return {
    status: 'rejected',
    exitCode: exitCodes.rejected,
    error: { code: 'REJECTED', message: `rejected by ${reason}`, step: id, next: 'the champion stays' },
  }
}

/** Tells the registry elsewhere that a package is a version now. */
export async function tellRegistered(state: RunState, step: StepOutline<'register'>, version: number): Promise<void> {
  const there = mirrored(state, step.package)
  if (there === undefined) return
  const isAsked = state.plan.steps.some((each) => each.kind === 'approve' && each.package === step.package)
  const mirrorStep = state.plan.steps.find((each) => each.kind === 'mirror' && each.package === step.package)
  const { noteRegistered } = proxyActivities<Activities>({
    ...mirroring,
    summary: `tell SageMaker's group ${there.group} of version ${version}`,
  })
  await noteRegistered({
    arn: there.arn,
    run: there.run,
    step: refOf(state.input, mirrorStep as StepOutline<'mirror'>),
    version,
    digest: state.models.get(step.package)?.digest as string,
    // Where nobody is asked, passing the gates is what approves it.
    reason: isAsked ? null : `passed its gates in run ${there.run}`,
  })
}
