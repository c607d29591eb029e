import { readFile } from 'node:fs/promises'
import type { DuckDBConnection } from '@duckdb/node-api'
import { loadFunction } from '../code/load.ts'
import type { LocalCode } from '../code/local-code.ts'
import { withDuckDb } from '../data/duckdb.ts'
import type { LocalTable } from '../data/table.ts'
import { classUnseen } from '../formats/class-unseen.ts'
import { classNumbers, sortedClasses } from '../formats/classes.ts'
import { isOfClasses, targetOutputs } from '../formats/code-ref.ts'
import { SlipwayError } from '../formats/errors.ts'
import type { StepOf } from '../formats/plan.ts'
import { isAnswerColumn } from '../stats/answer-profile.ts'
import { groupsIn, type LabelledFeatures, prepare } from './dataset.ts'
import { requireRepeatable } from './features-again/again.ts'
import { repeatSample } from './features-again/sample.ts'
import type { ProgramPlace } from './learner.ts'
import { offsetsOf, withOffsets } from './offsets.ts'
import { requireOrder, requireWholeGroups } from './whole-groups.ts'

export interface TrainingOrder {
  readonly step: StepOf<'train'>
  readonly model: string
  readonly train: LocalTable
  readonly validation: LocalTable
  /** Of a ranking: no group may be in it and in another part. */
  readonly test?: LocalTable | undefined
  readonly features: LocalCode
  readonly target: LocalCode | undefined
  /** Of a finished model its file. */
  readonly modelFile?: string | undefined
  readonly folder: string
  /** Of a program: where it runs. */
  readonly place?: ProgramPlace | undefined
  /** The project whose configuration may add learners. */
  readonly root?: string | undefined
}

/** Rows to train on and to validate on, through the feature function. */
export interface TrainingRows {
  readonly train: LabelledFeatures
  readonly validation: LabelledFeatures
}

/**
 * Reads both parts through the feature function; numbers far from zero lose the same offset in both. What a finished
 * model is given stays as it was made.
 * @throws SlipwayError FEATURES_NOT_REPEATABLE, SINGLE_CLASS, GROUP_TORN and those of feature functions
 */
export async function readTrainingRows(order: TrainingOrder): Promise<TrainingRows> {
  const { step } = order
  const preparation = {
    features: await load(order.features),
    featuresName: order.features.name,
    inputs: step.inputs,
    target: { ...step.target, code: order.target === undefined ? undefined : await load(order.target) },
    weight: step.weight,
    task: step.task,
  }
  return withDuckDb(2, async (connection) => {
    const repeat = repeatSample(order.train.rows)
    const made = await prepare(connection, order.train, preparation, repeat)
    // Beside reading on; what it finds out comes to nobody before it is asked.
    const repeated = requireRepeatable(order.features, repeat.picked())
    repeated.catch(() => {})
    requireFreeNames(order.features.name, made, step)
    const { classes } = made
    const others = classes === undefined ? preparation : { ...preparation, classes: classes.names }
    const validation = await prepare(connection, order.validation, others)
    if (step.task === 'binary') requireBothClasses(made.labels)
    if (step.target.group !== undefined) await requireGroups(order, connection, { train: made, validation })
    await repeated
    const isGiven = step.learner.kind === 'onnx'
    const rows =
      classes === undefined
        ? { train: made, validation }
        : inOrder(step.target.column, { train: made, validation }, isGiven)
    if (isGiven) return rows
    const offsets = offsetsOf(made.features)
    return { train: withOffsets(rows.train, offsets), validation: withOffsets(rows.validation, offsets) }
  })
}

/** @throws SlipwayError GROUP_TORN, SINGLE_CLASS */
async function requireGroups(
  { step, test }: TrainingOrder,
  connection: DuckDBConnection,
  { train, validation }: TrainingRows,
): Promise<void> {
  const { column, group = '' } = step.target
  requireWholeGroups(group, [
    { part: 'train', groups: train.groups?.names ?? [] },
    { part: 'validation', groups: validation.groups?.names ?? [] },
    ...(test === undefined ? [] : [{ part: 'test', groups: await groupsIn(connection, test, group) }]),
  ])
  requireOrder(train, column)
}

async function load({ file, digest }: LocalCode) {
  return loadFunction(await readFile(file, 'utf8'), digest)
}

/** What a graph answers has a name in it, which no input can have as well. */
function requireFreeNames(
  functionName: string,
  { features }: LabelledFeatures,
  { task, target }: StepOf<'train'>,
): void {
  const hasSeveral = task === 'multiclass' || targetOutputs(target) !== undefined
  const outputs = isOfClasses(task) ? ['label', 'probabilities'] : ['prediction']
  const isTaken = (name: string): boolean => outputs.includes(name) || (hasSeveral && isAnswerColumn(name))
  const taken = features.find(({ name }) => isTaken(name))
  if (taken === undefined) return
  throw new SlipwayError(
    'FEATURES_TYPE',
    `${functionName}: feature "${taken.name}" is called as what the model answers`,
    { next: 'give that feature another name' },
  )
}

/**
 * Rows whose classes are in the order of `sortedClasses`. What a finished model knows nobody here knows yet; others
 * learn the classes of the training rows only.
 * @throws SlipwayError SINGLE_CLASS, CLASS_UNSEEN
 */
function inOrder(target: string, { train, validation }: TrainingRows, isGiven: boolean): TrainingRows {
  const [learned, all] = [train.classes?.names ?? [], validation.classes?.names ?? []]
  if (learned.length === 1)
    throw new SlipwayError(
      'SINGLE_CLASS',
      `all ${train.labels.length} training rows are of one class: there is nothing to tell apart`,
      {
        inFull: `all ${train.labels.length} training rows are of the class "${learned[0]}": there is nothing to tell apart`,
        next: 'check the target and the training part of the split',
      },
    )
  if (!isGiven && all.length > learned.length) {
    const unseen = all
      .slice(learned.length)
      .map((name, i) => ({ name, rows: validation.classes?.rows[learned.length + i] ?? 0 }))
    throw classUnseen(target, 'validation', unseen)
  }
  const names = sortedClasses(all)
  return { train: renumbered(train, names), validation: renumbered(validation, names) }
}

/** Rows with other numbers for their classes: places among `names`, which have all of them. */
export function renumbered(made: LabelledFeatures, names: readonly string[]): LabelledFeatures {
  const own = made.classes?.names ?? []
  const classes = classNumbers(names)
  const labels = classes.numbersOf(Array.from(made.labels, (number) => own[number] as string))
  return { ...made, labels, classes }
}

function requireBothClasses(labels: Float64Array): void {
  const positives = labels.reduce((sum, label) => sum + label, 0)
  if (positives > 0 && positives < labels.length) return
  throw new SlipwayError(
    'SINGLE_CLASS',
    `all ${labels.length} training rows have the label ${positives === 0 ? 0 : 1}: there is nothing to tell apart`,
    {
      next: 'check the target function and the training part of the split',
    },
  )
}
