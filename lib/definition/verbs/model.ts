import type { UserFunction } from '../../formats/columns.ts'
import { SlipwayError } from '../../formats/errors.ts'
import type { RowSchema } from '../../formats/row-schema.ts'
import { recordedId } from '../../formats/step-names.ts'
import type { Builder } from '../builder.ts'
import { explainOptionsOf } from '../explain.ts'
import type { Gate } from '../gates.ts'
import { checksOf, type OwnGate } from '../own-measures.ts'
import { add, idIn, modelOf, modelOfBranch, nextId, type Place, trainingOf } from '../recording.ts'

export const train =
  (at: Place): Builder['train'] =>
  (called, { on, features, target, crosses, weight, calibrate, learner, seed }) => {
    requireColumns(called, on.schema, target, weight)
    if (target.task === 'multiclass') requireForClasses(called, crosses, learner.kind)
    if (calibrate !== undefined) requireCalibrable(called, target.task, learner.kind)
    const { codeOf } = at.recording
    const id = add(at.recording, {
      id: idIn(at, recordedId('train', called)),
      kind: 'train',
      split: on.id,
      task: target.task,
      inputs: on.schema.filter(({ name }) => name !== target.column && name !== weight),
      features: codeOf(features as UserFunction, 'features'),
      target:
        target.code === undefined
          ? { column: target.column }
          : { column: target.column, code: codeOf(target.code as UserFunction, 'target') },
      ...(crosses !== undefined && { crosses: crosses.map((of) => [...of]) }),
      ...(weight !== undefined && { weight }),
      ...(calibrate !== undefined && { calibrate }),
      learner,
      seed,
    })
    return { kind: 'model', id }
  }

/** @throws SlipwayError DEFINITION_INVALID */
function requireCalibrable(called: string, task: string, kind: string): void {
  const next = 'leave calibrate out'
  if (task !== 'binary')
    throw new SlipwayError('DEFINITION_INVALID', `"${called}" calibrates probabilities, and its target is ${task}`, {
      next: `${next}, or take binary(…)`,
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
  target: { readonly column: string; readonly task: string; readonly code: unknown },
  weight: string | undefined,
): void {
  for (const [what, column] of [
    ['target', target.column],
    ['weight', weight],
  ] as const)
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
  if (weight === target.column)
    throw new SlipwayError('DEFINITION_INVALID', `"${weight}" is both the target and the weight of "${called}"`, {
      next: 'weigh rows by another column',
    })
}

/** A cross is the mean label of rows, which classes have not. @throws SlipwayError DEFINITION_INVALID */
function requireForClasses(called: string, crosses: readonly unknown[] | undefined, learner: string): void {
  if (learner === 'linear')
    throw new SlipwayError('DEFINITION_INVALID', `the learner of "${called}" does not tell several classes apart`, {
      next: 'take trees(…), a program, or a finished model',
    })
  if (crosses === undefined) return
  throw new SlipwayError('DEFINITION_INVALID', `"${called}" has crosses, and several classes have no mean label`, {
    next: 'leave crosses out: trees find what matters together',
  })
}

export const packageModel =
  (at: Place): Builder['package'] =>
  (model, { parity = 1e-5, inputVersion = 1, name = modelOfBranch(at.recording, at.branch), explain } = {}) => {
    const id = add(at.recording, {
      id: nextId(at, 'package'),
      kind: 'package',
      model: model.id,
      parity,
      signature: inputVersion,
      ...(name === undefined ? {} : { name }),
      ...(explain === undefined || explain === false ? {} : { explain: explainOptionsOf(explain) }),
    })
    return { kind: 'package', id }
  }

export const gate =
  (at: Place): Builder['gate'] =>
  (candidate, { on, must, champion, seed = 0 }) => {
    if (champion === 'not compared') at.recording.uncompared.add(candidate.id)
    const checks = checksOf(must as readonly (Gate<never, never, never> | OwnGate)[], at.recording.codeOf)
    const backtests = must.flatMap((each) => ('backtest' in each ? (each.backtest ?? []) : []))
    const { task, target } = trainingOf(at, candidate.id)
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
