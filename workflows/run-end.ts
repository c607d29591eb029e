import { ApplicationFailure, CancellationScope, isCancellation } from '@temporalio/workflow'
import { brief } from '../lib/formats/brief.ts'
import { errorCodes, exitCodes } from '../lib/formats/errors.ts'
import { ownSteps } from '../lib/formats/plan-outline.ts'
import type { BranchReport, StepFailure } from '../lib/formats/records.ts'
import { topBranchOf } from '../lib/formats/step-id.ts'
import { refusalOf } from './failures.ts'
import type { Stop } from './messages.ts'
import type { RunState } from './run-state.ts'

/** How a run ends that is done with all its steps. */
export const done: Stop = { status: 'succeeded', exitCode: exitCodes.done, error: null }

/** How a run ends that was cancelled. */
export const cancelled = (during: string): Stop => ({
  status: 'cancelled',
  exitCode: exitCodes.interrupted,
  error: {
    code: 'CANCELLED',
    message: `cancelled during ${during}`,
    step: during,
    next: 'run it again: finished steps are reused',
  },
})

/** How a run ends where a step threw. */
export function stopOf(error: unknown, step: string): Stop {
  // A step that was asked to stop may go silent instead: on a busy machine its heartbeats come too late.
  if (isCancellation(error) || CancellationScope.current().consideredCancelled) return cancelled(step)
  const { code, message, next, at, log, cell } = refusalOf(error)
  const exitCode = errorCodes[code]
  const status = exitCode === exitCodes.inconclusive ? 'inconclusive' : 'failed'
  const found = { ...(log !== undefined && { log }), ...(cell !== undefined && { cell }) }
  return { status, exitCode, error: { code, message, step, next, ...at, ...found } }
}

/** A failed workflow that keeps how it ended. */
export const failureWith = ({ status, error }: Stop, record: unknown): ApplicationFailure =>
  ApplicationFailure.create({
    type: error?.code ?? 'INTERNAL',
    message: `${error?.step ?? 'run'}: ${error?.message ?? status}`,
    nonRetryable: true,
    details: [record],
  })

/** More of a message than this is on record with the step's run alone. */
const mostWords = 300

/** A failure among others. */
export const failureOfStep = (step: string, { status, error }: Stop): StepFailure => ({
  step,
  code: error?.code ?? 'INTERNAL',
  message: brief(error?.message ?? status, mostWords),
  ...(error?.log !== undefined && { log: error.log }),
})

/** How the branches ended whose steps this workflow carried out itself. @param failures by step */
export function branchReports(
  { plan, models }: RunState,
  failures: ReadonlyMap<string, Stop>,
  notBegun: ReadonlySet<string>,
): BranchReport[] {
  const own = ownSteps(plan)
  const names = [...new Set(own.map(({ id }) => topBranchOf(id)))].filter((name) => name !== '')
  return names.map((name) => {
    const steps = own.filter(({ id }) => topBranchOf(id) === name)
    const failed = steps.find(({ id }) => failures.has(id))
    const stop = failed === undefined ? undefined : failures.get(failed.id)
    const isWhole = steps.every(({ id }) => !notBegun.has(id))
    const registered = steps.flatMap(({ id }) => models.get(id) ?? [])
    const words = registered.map((model) => `${model.name} version ${model.version}`).join(', ')
    return {
      name,
      status: stop?.status ?? (isWhole ? 'succeeded' : 'not done'),
      model: words === '' ? null : words,
      failure: stop === undefined || failed === undefined ? null : failureOfStep(failed.id, stop),
    }
  })
}

/** One report a branch, in the order of the names: what a workflow of its own and the run itself did of it together. */
export function mergeReports(reports: readonly BranchReport[], names: readonly string[]): BranchReport[] {
  return [...new Set([...names, ...reports.map(({ name }) => name)])].flatMap((name) => {
    const [first, ...more] = reports.filter((report) => report.name === name)
    if (first === undefined) return []
    return more.reduce((whole, { status, model, failure }) => {
      const isWorse = whole.failure === null && whole.status === 'succeeded'
      return {
        name,
        status: isWorse ? status : whole.status,
        model: whole.model ?? model,
        failure: whole.failure ?? failure,
      }
    }, first)
  })
}
