import { targetColumns } from '../../formats/code-ref.ts'
import { SlipwayError } from '../../formats/errors.ts'
import type { Calibrate, LearnerParameters } from '../../formats/learner.ts'
import type { Task } from '../../formats/plan.ts'
import type { RowSchema } from '../../formats/row-schema.ts'
import type { Place } from '../recording.ts'
import type { Target } from '../target.ts'
import { requireRankable } from './ranking.ts'

type AnyTarget = Target<string, never, Task, never, string>

/** What `p.train` is told that decides whether it can be trained at all. */
interface Wanted {
  readonly on: { readonly id: string; readonly schema: RowSchema }
  readonly target: AnyTarget
  readonly crosses: readonly unknown[] | undefined
  readonly weight: string | undefined
  readonly calibrate: Calibrate | undefined
  readonly learner: LearnerParameters
}

/**
 * What types cannot say of a training: columns that are there, a target that its learner learns, options that fit it.
 * @throws SlipwayError DEFINITION_INVALID
 */
export function requireTrainable(called: string, at: Place, wanted: Wanted): void {
  const { on, target, crosses, weight, calibrate, learner } = wanted
  requireColumns(called, on.schema, target, weight)
  if (target.task === 'multiclass') requireForClasses(called, crosses)
  requireForSeveral(called, target, { crosses, learner })
  if (target.task === 'ranking') requireRankable(called, at, { on, target, weight, learner })
  if (calibrate !== undefined) requireCalibrable(called, target.task, learner.kind)
}

/** @throws SlipwayError DEFINITION_INVALID */
function requireCalibrable(called: string, task: string, kind: string): void {
  const next = 'leave calibrate out'
  if (task !== 'binary' && task !== 'multiclass')
    throw new SlipwayError('DEFINITION_INVALID', `"${called}" calibrates probabilities, and its target is ${task}`, {
      next: `${next}, or take binary(…) or multiclass(…)`,
    })
  if (kind !== 'trees' && kind !== 'linear')
    throw new SlipwayError('DEFINITION_INVALID', `"${called}" calibrates, which its learner (${kind}) does not`, {
      next: `${next}, or take trees(…) or linear(…)`,
    })
}

/** @throws SlipwayError DEFINITION_INVALID */
function requireColumns(
  called: string,
  schema: RowSchema,
  target: Pick<AnyTarget, 'column' | 'columns' | 'task' | 'code'>,
  weight: string | undefined,
): void {
  const columns = targetColumns(target)
  for (const [what, column] of [...columns.map((each) => ['target', each] as const), ['weight', weight] as const])
    if (column !== undefined && !schema.some(({ name }) => name === column))
      throw new SlipwayError('DEFINITION_INVALID', `the ${what} of "${called}" is no column: "${column}"`, {
        next: `there are ${schema.map(({ name }) => name).join(', ')}`,
      })
  const { type } = schema.find(({ name }) => name === target.column) as RowSchema[number]
  if (target.task === 'binary' && target.code === undefined && !['number', 'integer', 'boolean'].includes(type))
    throw new SlipwayError('DEFINITION_INVALID', `the target of "${called}" is a ${type} column: "${target.column}"`, {
      next: `binary('${target.column}') wants 0 and 1 or truth values: give it a function, binary('${target.column}', fn)`,
    })
  if (target.task === 'multiclass' && target.code === undefined && type === 'timestamp')
    throw new SlipwayError('DEFINITION_INVALID', `the target of "${called}" is a ${type} column: "${target.column}"`, {
      next: `multiclass('${target.column}') wants texts or whole numbers: give it a function, multiclass('${target.column}', fn)`,
    })
  if (weight !== undefined && columns.includes(weight))
    throw new SlipwayError('DEFINITION_INVALID', `"${weight}" is both the target and the weight of "${called}"`, {
      next: 'weigh rows by another column',
    })
}

/**
 * What is predicted where a row is answered with several numbers.
 * @throws SlipwayError DEFINITION_INVALID
 */
function requireForSeveral(
  called: string,
  { columns, levels }: Pick<AnyTarget, 'columns' | 'levels'>,
  { crosses, learner }: { readonly crosses: readonly unknown[] | undefined; readonly learner: LearnerParameters },
): void {
  const fail = (what: string, next: string): never => {
    throw new SlipwayError('DEFINITION_INVALID', `"${called}" ${what}`, { next })
  }
  if (columns !== undefined) {
    if (columns.length < 2) fail('has a list of one target', `take regression('${columns[0]}')`)
    const twice = columns.find((column, i) => columns.indexOf(column) < i)
    if (twice !== undefined) fail(`has the target "${twice}" twice`, 'name each column once')
    if (crosses !== undefined)
      fail('has crosses, and several targets have no one mean label', 'leave crosses out, or train a model a target')
  }
  if (levels !== undefined) {
    const ascend = levels.every((level, i) => level > (levels[i - 1] ?? 0) && level < 1)
    if (levels.length < 2 || !ascend)
      fail(`has the quantiles ${levels.join(', ')}`, 'levels ascend between 0 and 1, two at least: [0.1, 0.5, 0.9]')
    if (learner.kind === 'linear')
      fail('wants quantiles, which a linear model does not learn', 'take trees(…), a program, or a finished model')
  }
  if ((columns ?? levels) !== undefined && learner.kind === 'trees' && learner.quantile !== undefined)
    fail('has trees of one quantile, and several numbers to predict', "leave quantile out, or take quantiles('…', […])")
}

/** A cross is the mean label of rows, which classes have not. @throws SlipwayError DEFINITION_INVALID */
function requireForClasses(called: string, crosses: readonly unknown[] | undefined): void {
  if (crosses === undefined) return
  throw new SlipwayError('DEFINITION_INVALID', `"${called}" has crosses, and several classes have no mean label`, {
    next: 'leave crosses out: trees find what matters together',
  })
}
