import { isOfContainer, type LearnerParameters, withParameters } from '../../formats/learner.ts'
import type { StepOf } from '../../formats/plan.ts'
import { pointsOfGrid, type SageMakerSearch, whyNotSearched } from '../../formats/sagemaker-tuning.ts'
import { invalid, type Refusal, settleSpace } from '../../formats/settle-space.ts'
import { Budget, type Dimension, Space } from '../../formats/tuning.ts'
import { durationMs } from '../duration.ts'
import { add, idIn, type Place } from '../recording.ts'
import type { TuneBudget, Tuned } from '../tuning.ts'

/** How many trials there are before one is decided by results: so many and one more can run at once. */
const usualLag = 4
const usualTrials = 50

export interface TuneOptions {
  readonly tune?: Readonly<Record<string, Tuned>> | undefined
  readonly budget?: TuneBudget | undefined
  readonly search?: SageMakerSearch | undefined
  readonly retune?: boolean | undefined
}

/**
 * Records the step that chooses parameters of a training, where it has some to choose.
 * @returns its id; undefined where nothing is tuned
 * @throws SlipwayError DEFINITION_INVALID
 */
export function tuning(
  at: Place,
  called: string,
  { tune, budget, search, retune }: TuneOptions,
  training: Omit<StepOf<'train'>, 'id' | 'kind' | 'calibrate' | 'tuned' | 'ofTrial'>,
): string | undefined {
  if (tune === undefined) {
    if (budget === undefined && search === undefined && retune !== true) return undefined
    throw invalid(
      called,
      `there is a ${search === undefined ? 'budget' : 'search'} and nothing to tune`,
      'name parameters: tune: { trees: [50, 400] }',
    )
  }
  const space = spaceOf(called, tune, training.learner)
  return add(at.recording, {
    ...training,
    id: idIn(at, `tune-${called}`),
    kind: 'tune',
    space,
    ...(search === undefined
      ? { budget: budgetOf(called, budget), lag: usualLag }
      : { ...searchOf(called, { space, budget, search, learner: training.learner }), lag: 0 }),
    ...(retune === true && { retune }),
  })
}

function spaceOf(called: string, tune: Readonly<Record<string, Tuned>>, learner: LearnerParameters): Space {
  if (learner.kind === 'onnx') throw invalid(called, `${learner.file} is a finished model`, 'leave tune out')
  const parsed = Space.safeParse(
    Object.fromEntries(Object.entries(tune).map(([name, each]) => [name, dimension(each)])),
  )
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const where = issue?.path.length ? `${issue.path.join('.')}: ` : ''
    throw invalid(called, `${where}${issue?.message}`, 'give each parameter [from, to], log(from, to) or oneOf(…)')
  }
  // Which parameters a learner from outside has is known when its configuration is.
  return learner.kind === 'outside' ? parsed.data : settleSpace(called, parsed.data, refusalsOf(learner))
}

function dimension(given: Tuned): Dimension {
  if ('choices' in given) return { kind: 'choice', of: [...given.choices] }
  const { ends, isLog, isWhole } = 'ends' in given ? given : { ends: given }
  const [from, to] = ends
  return { kind: isWhole === true ? 'whole' : 'number', from, to, ...(isLog === true && { scale: 'log' }) }
}

function refusalsOf(learner: LearnerParameters): Refusal {
  const names = Object.keys(learner).filter((key) => key !== 'kind')
  return (name, value) => {
    if (name === 'kind' && !isOfContainer(learner)) return `${learner.kind} has ${names.join(', ')}`
    try {
      withParameters(learner, { [name]: value })
      return undefined
    } catch (error) {
      const [issue] =
        (error as { issues?: readonly { readonly code: string; readonly message: string }[] }).issues ?? []
      if (issue?.code !== 'unrecognized_keys') return issue?.message ?? (error as Error).message
      return `${learner.kind} has ${names.join(', ')}`
    }
  }
}

function budgetOf(called: string, { trials = usualTrials, time, cost }: TuneBudget = {}): Budget {
  const parsed = Budget.safeParse({
    trials,
    ...(time !== undefined && { timeMs: durationMs(time) }),
    ...(cost !== undefined && { cost }),
  })
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw invalid(called, `budget, ${issue?.path.join('.')}: ${issue?.message}`, 'write budget: { trials: 50 }')
}

/** SageMaker's shortest time for a tuning job. */
const shortestMs = 120_000

/** A search by SageMaker, with its budget. @throws SlipwayError DEFINITION_INVALID for what it cannot search */
function searchOf(
  called: string,
  {
    space,
    budget: given = {},
    search,
    learner,
  }: {
    readonly space: Space
    readonly budget: TuneBudget | undefined
    readonly search: SageMakerSearch
    readonly learner: LearnerParameters
  },
): { readonly search: SageMakerSearch; readonly budget: Budget } {
  const { metric } = search.objective
  if (learner.kind !== 'sagemaker')
    throw invalid(called, 'SageMaker searches, and the learner trains elsewhere', 'take learner: sagemaker(…)')
  if (learner.metrics?.[metric] === undefined)
    throw invalid(
      called,
      `SageMaker searches by "${metric}", which the learner does not say how to read`,
      `say metrics: { ${metric}: '${metric}=([0-9.]+)' } in sagemaker(…)`,
    )
  const why = whyNotSearched(space, search.strategy)
  if (why !== undefined) throw invalid(called, why, 'change the space, or leave search out: Slipway searches it')
  if (given.cost !== undefined)
    throw invalid(called, 'budget.cost: SageMaker bounds no cost of a search', 'bound trials and time')
  const points = search.strategy === 'Grid' ? pointsOfGrid(space) : undefined
  if (points !== undefined && given.trials !== undefined && given.trials !== points)
    throw invalid(called, `budget.trials: this grid has ${points} points, and all are tried`, 'leave trials out')
  const budget = budgetOf(called, { ...given, ...(points !== undefined && { trials: points }) })
  if (budget.timeMs !== undefined && budget.timeMs < shortestMs)
    throw invalid(called, 'budget.time: SageMaker takes two minutes at least', "say time: '2m' or more")
  return { search, budget }
}
