import type { GateResult, RunRecord, StepReport } from '../lib/formats/records.ts'

/** A step of a run that ended. */
export interface StepDocument extends Omit<StepReport, 'outputs'> {
  readonly outputs: readonly { readonly name: string; readonly digest: string }[]
}

/** How a run ended. What does not concern it (a rollout, an error, branches) is missing. */
export interface RunDocument
  extends Pick<RunRecord, 'runId' | 'workflowId' | 'pipeline' | 'status' | 'exitCode' | 'plan' | 'model' | 'metrics'>,
    Pick<RunRecord, 'startedAt' | 'finishedAt' | 'origin'>,
    Pick<RunRecord, 'failures' | 'notBegun' | 'branches'> {
  /** What was read in the place of what the definition says. */
  readonly from?: string
  readonly steps: readonly StepDocument[]
  readonly gates: readonly Omit<GateResult, 'metric'>[]
  readonly rollout?: NonNullable<RunRecord['rollout']>
  /** Of several errors the first in the order of the plan. */
  readonly error?: NonNullable<RunRecord['error']>
}

/** A run as every command with `--json` prints it. */
export function runDocument(record: RunRecord): RunDocument {
  const { runId, workflowId, pipeline, status, exitCode, plan, steps, gates, model, metrics, rollout, error } = record
  const { failures, notBegun, branches, startedAt, finishedAt, origin } = record
  return {
    runId,
    workflowId,
    pipeline,
    status,
    exitCode,
    plan,
    ...(origin.from === undefined ? {} : { from: origin.from }),
    steps: steps.map(({ outputs, ...step }) => ({
      ...step,
      outputs: outputs.map(({ name, digest }) => ({ name, digest })),
    })),
    gates: gates.map(({ name, passed, value, limit, evidence }) => ({ name, passed, value, limit, evidence })),
    model,
    metrics,
    ...(rollout === null ? {} : { rollout }),
    ...(error === null ? {} : { error }),
    ...(failures === undefined ? {} : { failures }),
    ...(notBegun === undefined ? {} : { notBegun }),
    ...(branches === undefined ? {} : { branches }),
    startedAt,
    finishedAt,
    // In one order, whether it comes from the store or from the workflow.
    origin: Object.fromEntries(Object.entries(origin).sort(([a], [b]) => (a < b ? -1 : 1))),
  }
}
