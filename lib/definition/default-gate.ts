import type { Check } from '../formats/check.ts'
import { SlipwayError } from '../formats/errors.ts'
import { rowMetric, wholeMetric } from '../formats/metrics/index.ts'
import type { Step, StepOf, Task } from '../formats/plan.ts'
import { branchOf } from '../formats/step-id.ts'
import { numberedId } from '../formats/step-names.ts'

/** How the default gate judges: 1 % of the champion's value is still accepted, at a confidence of 0.9. */
const margin = { byShare: 0.01, confidence: 0.9 } as const

const usual = {
  binary: 'logLoss',
  multiclass: 'logLoss',
  regression: 'rmse',
  quantiles: 'pinball',
  ranking: 'ndcg',
} as const

/** A metric that says how good a model is. Of the user's own ones nobody knows whether they do. */
const isFit = (metric: string): boolean =>
  rowMetric(metric) !== undefined && rowMetric(metric)?.isUnfitToCompare === undefined

const isAgainstChampion = ({ rule }: Pick<Check, 'rule'>): boolean => rule === 'notWorseThan'

/**
 * The gate that a pipeline has unless it says otherwise: a candidate is not worse than the champion, by the metric of
 * the first check (of several outputs by all of them) if that says how good a model is, else by log loss, root mean
 * squared error, pinball loss or NDCG.
 * @param checks all those of a package, in their order
 * @returns undefined where one of them compares with the champion already
 */
function defaultGate(task: Task, checks: readonly Check[]): Check | undefined {
  if (checks.some(isAgainstChampion)) return undefined
  const [first] = checks
  const named = first === undefined || first.rule === 'own' ? '' : wholeMetric(first.metric)
  const metric = isFit(named) ? named : usual[task]
  return { rule: 'notWorseThan', metric, opponent: 'champion', ...margin, default: true }
}

/**
 * Gives every package that is registered a gate against the champion, where it has none: at the end of its first gate,
 * or in a gate of its own on the test rows, before anybody is asked.
 * @param exempt packages whose definition says that they are not compared
 * @throws SlipwayError DEFINITION_INVALID where an exempt package has a gate against the champion
 */
export function withDefaultGates(recorded: readonly Step[], exempt: ReadonlySet<string>, pipeline: string): Step[] {
  const steps = [...recorded]
  for (const packaged of recorded.filter((step) => step.kind === 'package')) {
    const gates = steps.filter((step) => step.kind === 'gate' && step.package === packaged.id) as StepOf<'gate'>[]
    const checks = gates.flatMap(({ must }) => must)
    if (exempt.has(packaged.id)) {
      if (checks.some(isAgainstChampion))
        throw new SlipwayError(
          'DEFINITION_INVALID',
          `a gate of pipeline "${pipeline}" compares with the champion, and another word says champion: 'not compared'`,
          { next: "leave out notWorseThan('champion') or champion: 'not compared'" },
        )
      continue
    }
    const training = steps.find((step) => step.id === packaged.model) as StepOf<'train'>
    const check = defaultGate(training.task, checks)
    if (check === undefined) continue
    const [first] = gates
    if (first !== undefined) steps[steps.indexOf(first)] = { ...first, must: [...first.must, check] }
    else {
      const branch = branchOf(packaged.id)
      const evaluate: StepOf<'evaluate'> = {
        id: numberedId(steps, 'evaluate', branch),
        kind: 'evaluate',
        package: packaged.id,
        split: training.split,
        part: 'test',
        slices: [],
        task: training.task,
        target: training.target,
      }
      const gate: StepOf<'gate'> = {
        id: numberedId(steps, 'gate', branch),
        kind: 'gate',
        package: packaged.id,
        evaluation: evaluate.id,
        model: packaged.name ?? pipeline,
        must: [check],
        seed: 0,
      }
      steps.splice(steps.indexOf(packaged) + 1, 0, evaluate, gate)
    }
  }
  return steps
}
