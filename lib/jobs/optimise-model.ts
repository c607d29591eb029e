import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadFunction } from '../code/load.ts'
import type { Features } from '../code/run-features.ts'
import { ruleOf } from '../code/run-features.ts'
import { runClasses, runTarget } from '../code/run-target.ts'
import type { LocalTable } from '../data/table.ts'
import { underNames, widthOf } from '../formats/answers.ts'
import { classNumbers } from '../formats/classes.ts'
import type { Column } from '../formats/columns.ts'
import { SlipwayError } from '../formats/errors.ts'
import { measureRows, metricsFor } from '../formats/metrics/index.ts'
import type { OptimisedFacts, OptimiseRows } from '../formats/optimise.ts'
import type { StepOf } from '../formats/plan.ts'
import { show } from '../formats/show-number.ts'
import { optimised } from '../learners/optimise/optimise.ts'
import { type LoadedModel, type LocalModel, newAnswers } from '../models/model.ts'
import { raceOf, type Times } from '../models/race.ts'
import { withModels } from '../models/with-models.ts'
import { unitOfDifferences } from '../stats/standard.ts'
import { digestOf } from '../store/digest.ts'
import { scoreTable } from './score-table.ts'
import type { Progress } from './step-work.ts'

export interface OptimiseOrder {
  /** As it was trained, without a compiled model. */
  readonly model: LocalModel
  readonly options: OptimiseRows
  /** The validation rows, and what their labels are made by. */
  readonly table: LocalTable
  readonly train: Pick<StepOf<'train'>, 'target' | 'task'>
  readonly target: { readonly file: string; readonly digest: string } | undefined
  /** How far a graph that is only fused may answer otherwise. */
  readonly parity: number
  readonly folder: string
}

/** The file of the graph, in the folder of the order. */
export const optimisedFile = 'optimised.onnx'

/** What was made, and what was measured of it by the clock, which is no part of the package. */
export interface OptimisedModel {
  readonly facts: OptimisedFacts
  readonly times: Times
}

/**
 * Optimises a model's graph, and compares it with the one before on the validation rows.
 * @throws SlipwayError OPTIMISE_UNSUITABLE where it gains nothing, OPTIMISE_LOSS where it loses more than is allowed,
 *   PARITY where a graph that is only fused answers otherwise
 */
export async function optimiseModel(order: OptimiseOrder, onProgress: Progress): Promise<OptimisedModel> {
  const { model, options, folder } = order
  const { fuse, quantize } = options
  onProgress('optimising the graph', 0)
  const before = await readFile(model.onnxFile)
  const { onnx, weights } = await optimised(before, options, folder)
  const onnxFile = join(folder, optimisedFile)
  await writeFile(onnxFile, onnx)
  return withModels([model, { ...model, onnxFile }], async (plain, own) => {
    const { metric, largest, features } = await compare(order, [plain, own], onProgress)
    requireKept(order, metric, largest)
    return {
      facts: {
        ...(fuse && { fuse }),
        ...(quantize !== undefined && { quantize }),
        model: digestOf(before),
        bytes: { before: before.length, after: onnx.length },
        ...(weights !== undefined && { weights }),
        compared: order.table.rows,
        largest,
        metric,
      },
      times: await raceOf(
        { items: features.items, ask: () => plain.scoreFeatures(features.rows), onnx: before },
        { items: features.items, ask: () => own.scoreFeatures(features.rows), onnx },
      ),
    }
  })
}

type Metric = NonNullable<OptimisedFacts['metric']>

/** Scores the validation rows by both graphs. */
async function compare(
  { table, train, target }: OptimiseOrder,
  models: readonly [LoadedModel, LoadedModel],
  onProgress: Progress,
) {
  const [{ facts }] = models
  const { inputs, outputs } = facts
  const toLabels = target === undefined ? undefined : loadFunction(await readFile(target.file, 'utf8'), target.digest)
  const width = widthOf(facts)
  const classes = outputs && classNumbers(outputs)
  const answers = models.map(() => newAnswers(facts, table.rows))
  const labels = new Float64Array(table.rows)
  const { column } = train.target
  let first: Features | undefined
  await scoreTable({ models, table, columns: [...inputs, ruleOf(table.schema, column)] }, (chunk) => {
    const { columns, at, rows, scored } = chunk
    first ??= scored[0].features
    scored.forEach(({ predictions }, i) => {
      answers[i]?.set(predictions, at * width)
    })
    const cells = columns[column] as Column
    if (classes === undefined) labels.set(runTarget(toLabels, train.task, column, cells, at + 1), at)
    else labels.set(classes.numbersOf(runClasses(toLabels, column, cells, at + 1)), at)
    onProgress(`comparing on ${at + rows} of ${table.rows} rows`, (at + rows) / table.rows)
  })
  const [plain, own] = answers as [typeof labels, typeof labels]
  const unit = facts.task === 'regression' ? unitOfDifferences(plain) : 1
  let largest = 0
  for (let i = 0; i < plain.length; i++)
    largest = Math.max(largest, Math.abs((own[i] as number) - (plain[i] as number)) / unit)
  const [name, metric] = metricsFor(train.task).find(([, { better }]) => better === 'larger') as [string, never]
  const measured = (predictions: typeof labels): number =>
    outputs === undefined || classes === undefined
      ? measureRows(metric, { predictions, labels })
      : measureRows(metric, { predictions: underNames(predictions, outputs, classes.names), labels })
  const rows = first as Features
  return {
    largest,
    metric: { name, before: measured(plain), after: measured(own) } satisfies Metric,
    features: { rows, items: Object.values(rows)[0]?.length ?? 0 },
  }
}

function requireKept({ options, parity }: OptimiseOrder, { name, before, after }: Metric, largest: number): void {
  if (options.quantize === undefined) {
    if (largest <= parity) return
    throw new SlipwayError('PARITY', `the fused graph and the one before differ by ${largest}; ${parity} is allowed`, {
      next: 'leave fuse out, or allow more by `parity` in p.package',
    })
  }
  const allowed = options.atMost?.metricLoss ?? 0
  // What is not defined is not kept.
  if (before - after <= allowed && Number.isFinite(largest)) return
  throw new SlipwayError(
    'OPTIMISE_LOSS',
    Number.isNaN(before - after)
      ? `what int8 loses is not known: ${name} is not defined on the validation rows`
      : `int8 loses ${show(before - after)} of ${name} on the validation rows, ${show(before)} before and ${show(after)} after; ${allowed} is allowed`,
    { next: 'leave quantize out, or allow more: optimise: { atMost: { metricLoss: … } }' },
  )
}
