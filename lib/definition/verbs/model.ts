import { targetColumns, targetOutputs } from '../../formats/code-ref.ts'
import type { UserFunction } from '../../formats/columns.ts'
import { decisionOutput } from '../../formats/decisions.ts'
import { SlipwayError } from '../../formats/errors.ts'
import type { LearnerParameters } from '../../formats/learner.ts'
import type { StepOf, Task } from '../../formats/plan.ts'
import type { RowSchema } from '../../formats/row-schema.ts'
import { recordedId } from '../../formats/step-names.ts'
import type { Builder } from '../builder.ts'
import { explainOptionsOf } from '../explain.ts'
import type { Gate } from '../gates.ts'
import { optimiseRowsOf } from '../optimise.ts'
import { requireOutputs } from '../outputs.ts'
import { checksOf, type OwnGate } from '../own-measures.ts'
import { add, idIn, modelOf, modelOfBranch, nextId, type Place, stepNamed, trainingOf } from '../recording.ts'
import type { Target } from '../target.ts'
import { requireComparable, requireRankable } from './ranking.ts'
import { tuning } from './tune.ts'

type AnyTarget = Target<string, never, Task, never, string>

export const train =
  (at: Place): Builder['train'] =>
  (called, { on, features, target, crosses, weight, calibrate, learner, seed, tune, budget, retune }) => {
    requireColumns(called, on.schema, target, weight)
    if (target.task === 'multiclass') requireForClasses(called, crosses)
    requireForSeveral(called, target, { crosses, learner })
    if (target.task === 'ranking') requireRankable(called, at, { on, target, weight, learner })
    if (calibrate !== undefined) requireCalibrable(called, target.task, learner.kind)
    const { codeOf } = at.recording
    const training = {
      split: on.id,
      task: target.task,
      inputs: on.schema.filter(
        ({ name }) => !targetColumns(target).includes(name) && name !== weight && name !== target.group,
      ),
      features: codeOf(features as UserFunction, 'features'),
      target: {
        column: target.column,
        ...(target.code !== undefined && { code: codeOf(target.code as UserFunction, 'target') }),
        ...(target.columns !== undefined && { columns: [...target.columns] }),
        ...(target.levels !== undefined && { levels: [...target.levels] }),
        ...(target.group !== undefined && { group: target.group }),
      },
      ...(crosses !== undefined && { crosses: crosses.map((of) => [...of]) }),
      ...(weight !== undefined && { weight }),
      learner,
      seed,
    }
    const tuned = tuning(at, called, { tune, budget, retune }, training)
    const id = add(at.recording, {
      ...training,
      id: idIn(at, recordedId('train', called)),
      kind: 'train',
      ...(calibrate !== undefined && { calibrate }),
      ...(tuned !== undefined && { tuned }),
    })
    return { kind: 'model', id }
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

/** What is not known of several numbers a row. @throws SlipwayError DEFINITION_INVALID */
function requireOneNumber(
  at: Place,
  model: string,
  wanted: { readonly explain: boolean; readonly optimise: boolean },
): void {
  const outputs = targetOutputs(stepNamed(at, 'train', model).target)
  const option = wanted.explain ? 'explain' : wanted.optimise ? 'optimise' : undefined
  if (outputs === undefined || option === undefined) return
  throw new SlipwayError(
    'DEFINITION_INVALID',
    `p.package says ${option}, and the model answers several numbers a row: ${outputs.join(', ')}`,
    { next: `leave ${option} out, or train a model for each of them` },
  )
}

export const packageModel =
  (at: Place): Builder['package'] =>
  (
    model,
    { parity = 1e-5, inputVersion = 1, name = modelOfBranch(at.recording, at.branch), explain, optimise, answer } = {},
  ) => {
    requireOneNumber(at, model.id, {
      explain: explain !== undefined && explain !== false,
      optimise: optimise !== undefined,
    })
    if (answer !== undefined) requireOwnName(stepNamed(at, 'train', model.id))
    const id = add(at.recording, {
      id: nextId(at, 'package'),
      kind: 'package',
      model: model.id,
      parity,
      signature: inputVersion,
      ...(name === undefined ? {} : { name }),
      ...(explain === undefined || explain === false ? {} : { explain: explainOptionsOf(explain) }),
      ...(optimise !== undefined && {
        optimise: optimiseRowsOf(stepNamed(at, 'train', model.id).learner.kind, optimise),
      }),
      ...(answer !== undefined && { answer: at.recording.codeOf(answer as UserFunction, 'answer') }),
    })
    return { kind: 'package', id }
  }

/** Answers of several targets are called as these are, and what a function answers "answer". */
function requireOwnName({ target }: StepOf<'train'>): void {
  if (!(targetOutputs(target) ?? []).includes(decisionOutput)) return
  throw new SlipwayError(
    'DEFINITION_INVALID',
    `a function answers under the name "${decisionOutput}", which one of the targets has`,
    { next: 'rename the column' },
  )
}

export const gate =
  (at: Place): Builder['gate'] =>
  (candidate, { on, must, champion, seed = 0 }) => {
    if (champion === 'not compared') at.recording.uncompared.add(candidate.id)
    const checks = checksOf(must as readonly (Gate<never, never, never> | OwnGate)[], at.recording.codeOf)
    const backtests = must.flatMap((each) => ('backtest' in each ? (each.backtest ?? []) : []))
    const { task, target } = trainingOf(at, candidate.id)
    const metrics = checks.flatMap((check) => (check.rule === 'own' || check.own !== undefined ? [] : [check.metric]))
    requireOutputs('a gate', metrics, target)
    if (task === 'ranking') requireComparable(checks)
    const evaluation = add(at.recording, {
      id: nextId(at, 'evaluate'),
      kind: 'evaluate',
      package: candidate.id,
      split: on.id,
      part: on.part,
      slices: [...new Set(checks.flatMap((check) => (check.rule === 'own' ? [] : (check.slice ?? []))))].sort(),
      task,
      target,
    })
    add(at.recording, {
      id: nextId(at, 'gate'),
      kind: 'gate',
      package: candidate.id,
      evaluation,
      model: modelOf(at, candidate.id),
      must: checks,
      seed,
      ...(backtests.length > 0 && { backtests: Object.fromEntries(backtests.map(({ name, id }) => [name, id])) }),
    })
  }
