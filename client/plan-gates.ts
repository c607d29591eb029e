import { describeCheck } from '../lib/formats/check.ts'
import type { Plan } from '../lib/formats/plan.ts'
import { stepOf } from '../lib/formats/step-inputs.ts'
import { failuresByDefault } from '../lib/stats/equal-candidates.ts'
import { readStepRecord } from '../lib/store/steps.ts'
import type { Store } from '../lib/store/store.ts'
import type { Forecast } from './forecast.ts'

/** A gate of a plan. */
export interface PlannedGate {
  readonly step: string
  readonly part: 'train' | 'validation' | 'test'
  /** With its margin. */
  readonly name: string
  /** Nobody wrote it. */
  readonly default: boolean
  /** What speaks against it on so few rows, where they are known. */
  readonly note: string | null
}

type Facts = Readonly<Record<string, unknown>>

/**
 * What a run's candidates are judged by.
 * @param splits facts of splits that were made before, by step: how many rows their parts have
 */
export function plannedGates(plan: Plan, splits: ReadonlyMap<string, Facts>): PlannedGate[] {
  const gates: PlannedGate[] = []
  for (const step of plan.steps) {
    if (step.kind !== 'gate') continue
    const evaluation = stepOf(plan, step.evaluation, 'evaluate')
    const rows = splits.get(evaluation.split)?.[evaluation.part]
    for (const check of step.must) {
      const isDefault = check.rule === 'notWorseThan' && check.default === true
      const failures =
        isDefault && typeof rows === 'number' ? failuresByDefault(check.metric, evaluation.task, rows) : undefined
      const note =
        failures === undefined
          ? null
          : `on ${rows} rows it fails about ${inPercent(failures.least)} to ${inPercent(failures.most)} of candidates as good as the champion: say a margin of your own, or judge by more rows`
      gates.push({ step: step.id, part: evaluation.part, name: describeCheck(check), default: isDefault, note })
    }
  }
  return gates
}

const inPercent = (share: number): string => `${Math.round(share * 100)} %`

/** What is known of the splits that a run would reuse. */
export async function knownSplits(store: Store, steps: readonly Forecast[]): Promise<Map<string, Facts>> {
  const known = new Map<string, Facts>()
  for (const { step, kind, state, stepKey } of steps) {
    if (kind !== 'split' || state !== 'reused' || stepKey === null) continue
    const record = await readStepRecord(store, stepKey)
    if (record !== undefined) known.set(step, record.facts)
  }
  return known
}
