import { readFile } from 'node:fs/promises'
import { loadFunction } from '../code/load.ts'
import { type Features, ruleOf } from '../code/run-features.ts'
import { groupsOf, labelsOfRows, runClasses } from '../code/run-target.ts'
import type { LocalTable } from '../data/table.ts'
import { classesIn, columnOf, underNames, widthOf } from '../formats/answers.ts'
import { classNumbers } from '../formats/classes.ts'
import { isOfClasses, targetColumns, targetOutputs } from '../formats/code-ref.ts'
import type { Column, Numbers } from '../formats/columns.ts'
import { groupNumbers } from '../formats/groups.ts'
import { measureRows, metricsFor } from '../formats/metrics/index.ts'
import type { Scored } from '../formats/metrics/metric.ts'
import type { OptimisedFacts } from '../formats/optimise.ts'
import type { StepOf } from '../formats/plan.ts'
import { type LoadedModel, newAnswers } from '../models/model.ts'
import { unitOfDifferences } from '../stats/standard.ts'
import { scoreTable } from './score-table.ts'
import type { Progress } from './step-work.ts'

/** Rows that two graphs answer, and what their labels are made by. */
export interface ComparedOn {
  readonly table: LocalTable
  readonly train: Pick<StepOf<'train'>, 'target' | 'task'>
  readonly target: { readonly file: string; readonly digest: string } | undefined
}

export interface GraphsCompared {
  /** The largest difference: of probabilities as it is, of numbers in units of their spread. */
  readonly largest: number
  readonly metric: NonNullable<OptimisedFacts['metric']>
  /** Of some rows, for both to be timed by. */
  readonly features: { readonly rows: Features; readonly items: number }
}

/** Scores rows by two graphs of a model. @throws SlipwayError TARGET_INVALID, FEATURES_… */
export async function compareGraphs(
  { table, train, target }: ComparedOn,
  models: readonly [LoadedModel, LoadedModel],
  onProgress: Progress,
): Promise<GraphsCompared> {
  const [{ facts }] = models
  const code = target === undefined ? undefined : loadFunction(await readFile(target.file, 'utf8'), target.digest)
  const width = widthOf(facts)
  const outputs = classesIn(facts)
  const classes = outputs && classNumbers(outputs)
  const answers = models.map(() => newAnswers(facts, table.rows))
  const outcomes = targetColumns(train.target)
  const labels = new Float64Array(table.rows * outcomes.length)
  const { column, group } = train.target
  const groups = group === undefined ? undefined : { numbers: new Uint32Array(table.rows), ...groupNumbers() }
  const others = [...new Set([...outcomes, ...(group === undefined ? [] : [group])])]
  const unread = others.filter((name) => !facts.inputs.some((input) => input.name === name))
  const columns = [...facts.inputs, ...unread.map((name) => ruleOf(table.schema, name))]
  let first: Features | undefined
  await scoreTable({ models, table, columns }, ({ columns: read, at, rows, scored }) => {
    first ??= scored[0].features
    scored.forEach(({ predictions }, i) => {
      answers[i]?.set(predictions, at * width)
    })
    if (classes !== undefined)
      labels.set(classes.numbersOf(runClasses(code, column, read[column] as Column, at + 1)), at)
    else
      labels.set(labelsOfRows(train.target, read, { code, task: train.task, firstRow: at + 1 }), at * outcomes.length)
    groups?.numbers.set(groups.numbersOf(groupsOf(group as string, read[group as string] as Column, at + 1)), at)
    onProgress(`comparing on ${at + rows} of ${table.rows} rows`, (at + rows) / table.rows)
  })
  const [plain, own] = answers as [Numbers, Numbers]
  const scoredOf = (predictions: Numbers): Scored =>
    outputs === undefined || classes === undefined
      ? { predictions, labels, outputs: targetOutputs(train.target), groups: groups?.numbers }
      : { predictions: underNames(predictions, outputs, classes.names), labels }
  const rows = first ?? {}
  return {
    largest: largestOf(plain, own, { width, isOfClasses: isOfClasses(facts.task) }),
    metric: metricOf(train.task, scoredOf(plain), scoredOf(own)),
    features: { rows, items: Object.values(rows)[0]?.length ?? 0 },
  }
}

function largestOf(
  plain: Numbers,
  own: Numbers,
  { width, isOfClasses: isShare }: { readonly width: number; readonly isOfClasses: boolean },
): number {
  const units = Array.from({ length: width }, (_, column) =>
    isShare ? 1 : unitOfDifferences(columnOf(plain, column, width)),
  )
  let largest = 0
  for (let i = 0; i < plain.length; i++)
    largest = Math.max(largest, Math.abs((own[i] as number) - (plain[i] as number)) / (units[i % width] as number))
  return largest
}

/** The first metric that can be compared: one that is better when it is larger, where the task has some. */
function metricOf(task: ComparedOn['train']['task'], plain: Scored, own: Scored): GraphsCompared['metric'] {
  const fit = metricsFor(task).filter(([, { isUnfitToCompare }]) => isUnfitToCompare !== true)
  const [name, metric] = fit.find(([, { better }]) => better === 'larger') ?? (fit[0] as (typeof fit)[number])
  return { name, before: measureRows(metric, plain), after: measureRows(metric, own) }
}
