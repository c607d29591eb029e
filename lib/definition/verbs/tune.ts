import { isOfContainer, type LearnerParameters, withParameters } from '../../formats/learner.ts'
import type { StepOf } from '../../formats/plan.ts'
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
  { tune, budget, retune }: TuneOptions,
  training: Omit<StepOf<'train'>, 'id' | 'kind' | 'calibrate' | 'tuned'>,
): string | undefined {
  if (tune === undefined) {
    if (budget === undefined && retune !== true) return undefined
    throw invalid(called, 'there is a budget and nothing to tune', 'name parameters: tune: { trees: [50, 400] }')
  }
  return add(at.recording, {
    ...training,
    id: idIn(at, `tune-${called}`),
    kind: 'tune',
    space: spaceOf(called, tune, training.learner),
    budget: budgetOf(called, budget),
    lag: usualLag,
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
