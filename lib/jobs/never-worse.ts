import { readFile } from 'node:fs/promises'
import { loadFunction } from '../code/load.ts'
import { ruleOf } from '../code/run-features.ts'
import { groupsOf, labelsOfRows, runClasses } from '../code/run-target.ts'
import type { LocalTable } from '../data/table.ts'
import { classesIn, columnOf, underNames, widthOf } from '../formats/answers.ts'
import { type TargetRef, type Task, targetColumns, targetOutputs } from '../formats/code-ref.ts'
import type { Column, Numbers } from '../formats/columns.ts'
import { groupNumbers } from '../formats/groups.ts'
import type { StepOf } from '../formats/plan.ts'
import type { GateResult } from '../formats/records.ts'
import { type LoadedModel, type LocalModel, newAnswers } from '../models/model.ts'
import { withModels } from '../models/with-models.ts'
import {
  brierLoss,
  brierOfClasses,
  gainLosses,
  isEnough,
  notWorse,
  pinballShare,
  squaredLoss,
} from '../stats/never-worse.ts'
import { scoreTable } from './score-table.ts'
import type { Progress } from './step-work.ts'

/** What results call the versions that a candidate is compared with: records have these words. */
const namesInResults = { champion: 'champion', lastApproved: 'anchor' } as const

/** The column of labelled tables that holds what became known. */
export const labelColumn = 'slipway_label'
/** The same of one of several targets. */
export const labelColumnOf = (target: string): string => `${labelColumn}:${target}`
/** Their column that says which rows were asked for together: of a ranking these are a group. */
export const requestColumn = 'slipway_request'

export interface NeverWorseOrder {
  readonly step: StepOf<'guard'>
  /** What this run may spend of the chance of error. */
  readonly alpha: number
  readonly candidate: LocalModel
  readonly champion: LocalModel
  /** Undefined where that is the champion. */
  readonly lastApproved: LocalModel | undefined
  readonly tables: {
    /** Rows that were served and labelled lately, the candidate's test part, and the champion's. */
    readonly labelled: LocalTable | undefined
    readonly test: LocalTable
    readonly championTest: LocalTable | undefined
  }
  readonly target: { readonly file: string; readonly digest: string } | undefined
}

/**
 * Compares a candidate with the champion and the last approved version, table by table. Every comparison must show that
 * it is not worse by the margin, at the level this run may spend; a comparison with too little evidence fails.
 */
export function judgeNeverWorse(order: NeverWorseOrder, onProgress: Progress): Promise<GateResult[]> {
  return withModels([order.candidate, order.champion, order.lastApproved], (candidate, champion, lastApproved) =>
    compareAll(order, { candidate, champion, lastApproved }, onProgress),
  )
}

/** What the losses are: records have these words. */
const metricOf = {
  binary: 'brier',
  multiclass: 'brier',
  regression: 'rmse',
  quantiles: 'pinball',
  ranking: 'ndcg',
} as const

async function compareAll(
  { step, alpha, tables, target }: NeverWorseOrder,
  models: Models,
  onProgress: Progress,
): Promise<GateResult[]> {
  const toLabels = target === undefined ? undefined : loadFunction(await readFile(target.file, 'utf8'), target.digest)
  const outcomes: GateResult[] = []
  const compare = (name: string, losses: Losses, against: keyof typeof namesInResults): void => {
    const baseline = losses[against]
    if (baseline === undefined) return
    const result = notWorse({ candidate: losses.candidate, baseline }, step.margin)
    const passed = isEnough(result, alpha)
    const difference = `${result.meanDifference >= 0 ? '+' : ''}${result.meanDifference.toPrecision(3)}`
    outcomes.push({
      name: `not worse than ${namesInResults[against]} on ${name}`,
      passed,
      metric: metricOf[step.task],
      value: result.meanDifference,
      limit: step.margin,
      evidence: `mean loss ${difference} on ${result.rows} ${step.task === 'ranking' ? 'groups' : 'rows'}, margin ${step.margin}; evidence ${words(result.logEvidence)}, ${words(-Math.log(alpha))} is needed`,
    })
  }
  const named = [
    ['labelled rows served lately', tables.labelled, servedTarget(step.target), undefined],
    ['the newest rows', tables.test, step.target, toLabels],
    ["the champion's own test rows", tables.championTest, step.target, toLabels],
  ] as const
  for (const [i, [name, table, target, code]] of named.entries()) {
    if (table === undefined) continue
    onProgress(`scoring ${name}`, i / named.length)
    const losses = await lossesOf(models, table, { task: step.task, target, code })
    compare(name, losses, 'champion')
    // What the champion was tested on says nothing about falling behind the last approved version.
    if (i < 2) compare(name, losses, 'lastApproved')
  }
  return outcomes
}

/** A number of nats as odds. */
const words = (nats: number): string => (nats > 700 ? 'overwhelming' : Number(Math.exp(nats).toPrecision(3)).toString())

interface Models {
  readonly candidate: LoadedModel
  readonly champion: LoadedModel
  readonly lastApproved: LoadedModel | undefined
}

interface Losses {
  readonly candidate: Float64Array
  readonly champion: Float64Array
  readonly lastApproved: Float64Array | undefined
}

/** What rows are labelled by. */
interface Judging {
  readonly task: Task
  readonly target: TargetRef
  readonly code: Parameters<typeof runClasses>[0]
}

/** The target of rows that were served: what became known stands in columns of its own. */
const servedTarget = ({ columns, levels, group }: TargetRef): TargetRef => ({
  column: columns === undefined ? labelColumn : labelColumnOf(columns[0] as string),
  ...(columns !== undefined && { columns: columns.map(labelColumnOf) }),
  ...(levels !== undefined && { levels }),
  ...(group !== undefined && { group: requestColumn }),
})

/**
 * The loss of a row, from 0 to 1; of several targets the mean of theirs, and the largest of a model that lacks one.
 * @returns by answers [rows · outputs] and the row
 */
function lossOf(task: Task, labels: Float64Array, target: TargetRef): (answers: Numbers, row: number) => number {
  const targets = targetColumns(target).length
  const variances = Array.from({ length: targets }, (_, i) => varianceOf(columnOf(labels, i, targets)))
  if (task === 'quantiles') {
    const loss = pinballShare(variances[0] as number, target.levels ?? [])
    return (answers, row) => orWorst(loss(answers, row, labels[row] as number))
  }
  const losses = variances.map((variance) => (task === 'binary' ? brierLoss : squaredLoss(variance)))
  return (answers, row) => {
    let sum = 0
    losses.forEach((loss, i) => {
      const at = row * targets + i
      sum += loss(answers[at] as number, labels[at] as number)
    })
    return orWorst(sum / targets)
  }
}

const orWorst = (loss: number): number => (Number.isNaN(loss) ? 1 : loss)

async function lossesOf(
  { candidate, champion, lastApproved }: Models,
  table: LocalTable,
  { task, target, code }: Judging,
): Promise<Losses> {
  const outcomes = targetColumns(target)
  const labels = new Float64Array(table.rows * outcomes.length)
  const classes: string[] = []
  const models = [candidate, champion, ...(lastApproved === undefined ? [] : [lastApproved])] as const
  const predictions = models.map(({ facts }) => newAnswers(facts, table.rows))
  const inputs = new Set(models.flatMap(({ facts }) => facts.inputs.map(({ name }) => name)))
  const { group } = target
  const groups = group === undefined ? undefined : { numbers: new Uint32Array(table.rows), ...groupNumbers() }
  const wanted = new Set([...inputs, ...outcomes, ...(group === undefined ? [] : [group])])
  const columns = [...wanted].map((name) => ruleOf(table.schema, name))
  await scoreTable({ models, table, columns }, ({ columns: read, at, scored }) => {
    scored.forEach((own, i) => {
      predictions[i]?.set(own.predictions, at * widthOf((models[i] as LoadedModel).facts))
    })
    const { column } = target
    if (task === 'multiclass')
      for (const name of runClasses(code, column, read[column] as Column, at + 1)) classes.push(name)
    else labels.set(labelsOfRows(target, read, { code, task, firstRow: at + 1 }), at * outcomes.length)
    groups?.numbers.set(groups.numbersOf(groupsOf(group as string, read[group as string] as Column, at + 1)), at)
  })
  const numberLoss = lossOf(task, labels, target)
  const losses = (of: Numbers, i: number): Float64Array => {
    if (groups !== undefined) return gainLosses({ predictions: of, labels, groups: groups.numbers })
    const { facts } = models[i] as LoadedModel
    const known = classesIn(facts)
    if (known !== undefined) return Float64Array.from(classes, (name, row) => brierOfClasses(of, row, known, name))
    const wanted = targetOutputs(target) ?? [target.column]
    const own = underNames(of, facts.outputs ?? wanted.slice(0, 1), wanted, Number.NaN)
    return Float64Array.from({ length: table.rows }, (_, row) => numberLoss(own, row))
  }
  const [ofCandidate, ofChampion, ofLastApproved] = predictions.map(losses)
  return {
    candidate: ofCandidate as Float64Array,
    champion: ofChampion as Float64Array,
    lastApproved: ofLastApproved,
  }
}

function varianceOf(values: Numbers): number {
  let [sum, squares] = [0, 0]
  for (const value of values) sum += value
  const mean = sum / values.length
  for (const value of values) squares += (value - mean) ** 2
  return squares / values.length
}
