import { targetColumns, targetOutputs } from '../../formats/code-ref.ts'
import type { UserFunction } from '../../formats/columns.ts'
import { decisionOutput } from '../../formats/decisions.ts'
import { SlipwayError } from '../../formats/errors.ts'
import type { StepOf } from '../../formats/plan.ts'
import { recordedId } from '../../formats/step-names.ts'
import type { Builder } from '../builder.ts'
import { explainOptionsOf } from '../explain.ts'
import type { Gate } from '../gates.ts'
import { optimiseRowsOf } from '../optimise.ts'
import { requireOutputs } from '../outputs.ts'
import { checksOf, type OwnGate } from '../own-measures.ts'
import { add, idIn, modelOf, modelOfBranch, nextId, type Place, stepNamed, trainingOf } from '../recording.ts'
import { requireComparable } from './ranking.ts'
import { requireTrainable } from './require-trainable.ts'
import { tuning } from './tune.ts'

export const train =
  (at: Place): Builder['train'] =>
  (called, { on, features, target, crosses, weight, calibrate, learner, seed, tune, budget, search, retune }) => {
    requireTrainable(called, at, { on, target, crosses, weight, calibrate, learner })
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
    const tuned = tuning(at, called, { tune, budget, search, retune }, training)
    const id = add(at.recording, {
      ...training,
      id: idIn(at, recordedId('train', called)),
      kind: 'train',
      ...(calibrate !== undefined && { calibrate }),
      ...(tuned !== undefined && { tuned, ...(search !== undefined && { ofTrial: true as const }) }),
    })
    return { kind: 'model', id }
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
