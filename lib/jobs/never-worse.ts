import { readFile } from 'node:fs/promises'
import { loadFunction } from '../code/load.ts'
import { ruleOf } from '../code/run-features.ts'
import { runClasses, runTarget } from '../code/run-target.ts'
import type { LocalTable } from '../data/table.ts'
import { widthOf } from '../formats/answers.ts'
import type { Column, Numbers } from '../formats/columns.ts'
import type { StepOf } from '../formats/plan.ts'
import type { GateResult } from '../formats/records.ts'
import { type LoadedModel, type LocalModel, newAnswers } from '../models/model.ts'
import { withModels } from '../models/with-models.ts'
import { brierLoss, brierOfClasses, isEnough, notWorse, squaredLoss } from '../stats/never-worse.ts'
import { scoreTable } from './score-table.ts'
import type { Progress } from './step-work.ts'

/** What results call the versions that a candidate is compared with: records have these words. */
const namesInResults = { champion: 'champion', lastApproved: 'anchor' } as const

/** The column of labelled tables that holds what became known. */
export const labelColumn = 'slipway_label'

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
      metric: step.task === 'regression' ? 'rmse' : 'brier',
      value: result.meanDifference,
      limit: step.margin,
      evidence: `mean loss ${difference} on ${result.rows} rows, margin ${step.margin}; evidence ${words(result.logEvidence)}, ${words(-Math.log(alpha))} is needed`,
    })
  }
  const named = [
    ['labelled rows served lately', tables.labelled, labelColumn, undefined],
    ['the newest rows', tables.test, step.target.column, toLabels],
    ["the champion's own test rows", tables.championTest, step.target.column, toLabels],
  ] as const
  for (const [i, [name, table, column, code]] of named.entries()) {
    if (table === undefined) continue
    onProgress(`scoring ${name}`, i / named.length)
    const losses = await lossesOf(models, table, step, column, code)
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

async function lossesOf(
  { candidate, champion, lastApproved }: Models,
  table: LocalTable,
  step: NeverWorseOrder['step'],
  column: string,
  code: Parameters<typeof runTarget>[0],
): Promise<Losses> {
  const labels = new Float64Array(table.rows)
  const classes: string[] = []
  const models = [candidate, champion, ...(lastApproved === undefined ? [] : [lastApproved])] as const
  const predictions = models.map(({ facts }) => newAnswers(facts, table.rows))
  const inputs = new Set(models.flatMap(({ facts }) => facts.inputs.map(({ name }) => name)))
  const columns = [...inputs, column].map((name) => ruleOf(table.schema, name))
  await scoreTable({ models, table, columns }, ({ columns: read, at, scored }) => {
    scored.forEach((own, i) => {
      predictions[i]?.set(own.predictions, at * widthOf((models[i] as LoadedModel).facts))
    })
    const cells = read[column] as Column
    if (step.task === 'multiclass') for (const name of runClasses(code, column, cells, at + 1)) classes.push(name)
    else if (column === labelColumn) labels.set(cells as Float64Array, at)
    else labels.set(runTarget(code, step.task, column, cells, at + 1), at)
  })
  const loss = step.task === 'binary' ? brierLoss : squaredLoss(varianceOf(labels))
  const losses = (of: Numbers, i: number): Float64Array => {
    const { outputs } = (models[i] as LoadedModel).facts
    return outputs === undefined
      ? Float64Array.from(of, (p, row) => loss(p, labels[row] as number))
      : Float64Array.from(classes, (name, row) => brierOfClasses(of, row, outputs, name))
  }
  const [ofCandidate, ofChampion, ofLastApproved] = predictions.map(losses)
  return {
    candidate: ofCandidate as Float64Array,
    champion: ofChampion as Float64Array,
    lastApproved: ofLastApproved,
  }
}

function varianceOf(values: Float64Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
}
