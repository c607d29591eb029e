import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadFunction } from '../code/load.ts'
import { ruleOf } from '../code/run-features.ts'
import { groupsOf, labelsOfRows, runClasses } from '../code/run-target.ts'
import type { LocalTable } from '../data/table.ts'
import { classesIn, underNames, widthOf } from '../formats/answers.ts'
import { canonicalJson } from '../formats/canonical.ts'
import { classNumbers } from '../formats/classes.ts'
import { targetColumns, targetOutputs } from '../formats/code-ref.ts'
import type { Column } from '../formats/columns.ts'
import { type Decisions, newDecisions, putDecisions } from '../formats/decisions.ts'
import { SlipwayError } from '../formats/errors.ts'
import type { Evaluation } from '../formats/evaluation.ts'
import { groupNumbers } from '../formats/groups.ts'
import { groupRows } from '../formats/metrics/groups.ts'
import { measureAll } from '../formats/metrics/index.ts'
import type { Scored } from '../formats/metrics/metric.ts'
import { classScores } from '../formats/metrics/multiclass.ts'
import type { StepOf } from '../formats/plan.ts'
import { type LoadedModel, type LocalModel, newAnswers } from '../models/model.ts'
import { withModels } from '../models/with-models.ts'
import { decidedOf } from '../stats/decided.ts'
import { selectRows } from '../stats/metrics.ts'
import { reliabilityOf } from '../stats/reliability.ts'
import { attributionOf } from './attribution.ts'
import { groupSampler, importanceOf, sampler } from './permute.ts'
import { scoreTable } from './score-table.ts'
import type { Progress } from './step-work.ts'

export const evaluationFiles = {
  report: 'evaluation.json',
  predictions: 'predictions.f32',
  labels: 'labels.f64',
  /** Of a ranking: the number of each row's group. */
  groups: 'groups.u32',
} as const
export const sliceFile = (column: string): string => `slice-${column}.i32`

export interface EvaluationOrder {
  readonly step: StepOf<'evaluate'>
  readonly model: LocalModel
  readonly table: LocalTable
  /** Share of the trees' gain, by feature. */
  readonly gains: Readonly<Record<string, number>>
  readonly target: { readonly file: string; readonly digest: string } | undefined
  readonly folder: string
}

/** Scores a table and measures the result; predictions, labels and slices are kept for comparisons. */
export async function evaluateModel(order: EvaluationOrder, onProgress: Progress): Promise<Evaluation> {
  const { step, table, folder } = order
  const { scored, outputs, unseen, slices, importance, attribution, decisions } = await withModels(
    [order.model],
    (model) => measured(order, model, onProgress),
  )
  const evaluation: Evaluation = {
    rows: table.rows,
    task: step.task,
    ...(scored.groups !== undefined && { groups: groupsCounted(scored.groups) }),
    ...(outputs !== undefined && { outputs: [...outputs] }),
    ...(unseen.length > 0 && { unseen: { part: step.part, classes: unseen } }),
    metrics: metricsOf(step.task, scored),
    ...(step.task === 'multiclass' && { classes: classScores(scored).map(({ hits: _, ...score }) => score) }),
    reliability: reliabilityOf(step.task, scored),
    importance,
    ...(attribution !== undefined && { attribution }),
    ...(decisions !== undefined && {
      answers: decidedOf({ decisions, task: step.task, labels: scored.labels, classes: outputs }),
    }),
    slices: Object.fromEntries(slices.map((slice) => [slice.column, measuredSlices(step.task, scored, slice)])),
  }
  await writeFile(join(folder, evaluationFiles.report), canonicalJson(evaluation))
  await writeFile(join(folder, evaluationFiles.predictions), scored.predictions)
  await writeFile(join(folder, evaluationFiles.labels), scored.labels)
  if (scored.groups !== undefined) await writeFile(join(folder, evaluationFiles.groups), scored.groups)
  for (const { column, codes } of slices) await writeFile(join(folder, sliceFile(column)), codes)
  return evaluation
}

/** A slicing column: its values with their codes, and the code of every row. */
interface SliceCodes {
  readonly column: string
  /** Whether its values go by their places. */
  readonly isMasked: boolean
  readonly values: Map<string, number>
  readonly codes: Int32Array
}

/** What was measured of a table. */
interface Measured extends Pick<Evaluation, 'importance' | 'attribution'> {
  readonly scored: Scored
  readonly outputs: readonly string[] | undefined
  readonly unseen: NonNullable<Evaluation['unseen']>['classes']
  readonly slices: readonly SliceCodes[]
  /** Where a function answers: what it answers. */
  readonly decisions: Decisions | undefined
}

async function measured(order: EvaluationOrder, model: LoadedModel, onProgress: Progress): Promise<Measured> {
  const { step, table, target, gains } = order
  const toLabels = target === undefined ? undefined : loadFunction(await readFile(target.file, 'utf8'), target.digest)
  const { inputs, features } = model.facts
  const outputs = classesIn(model.facts)
  const width = widthOf(model.facts)
  const classes = outputs && classNumbers(outputs)
  const predictions = newAnswers(model.facts, table.rows)
  const outcomes = targetColumns(step.target)
  const labels = new Float64Array(table.rows * outcomes.length)
  const { group } = step.target
  const groups = group === undefined ? undefined : { numbers: new Uint32Array(table.rows), ...groupNumbers() }
  const slices: SliceCodes[] = step.slices.map((column) => ({
    column,
    isMasked: ruleOf(table.schema, column).masked === true,
    values: new Map(),
    codes: new Int32Array(table.rows),
  }))
  const sample =
    group === undefined
      ? sampler(table.rows, features.length, outcomes.length)
      : groupSampler(table.rows, features.length)
  const { decision } = model.facts
  const decisions = decision && newDecisions(decision.kind, table.rows)
  const wanted = new Set([...outcomes, ...step.slices, ...(group === undefined ? [] : [group])])
  const others = [...wanted].filter((name) => !inputs.some((input) => input.name === name))
  const columns = [...inputs, ...others.map((name) => ruleOf(table.schema, name))]
  await scoreTable({ models: [model], table, columns }, ({ columns: read, at, rows, scored: [own] }) => {
    predictions.set(own.predictions, at * width)
    if (decisions !== undefined && own.decisions !== undefined) putDecisions(decisions, own.decisions, at)
    const { column } = step.target
    if (classes !== undefined)
      labels.set(classes.numbersOf(runClasses(toLabels, column, read[column] as Column, at + 1)), at)
    else {
      const made = labelsOfRows(step.target, read, { code: toLabels, task: step.task, firstRow: at + 1 })
      labels.set(made, at * outcomes.length)
    }
    for (const slice of slices) takeCodes(slice, read[slice.column] as Column, at)
    groups?.numbers.set(groups.numbersOf(groupsOf(group as string, read[group as string] as Column, at + 1)), at)
    sample.take(own.features, labels, at, groups?.numbers)
    onProgress(`scored ${at + rows} of ${table.rows} rows`, (at + rows) / table.rows)
  })
  onProgress('shuffling features', 1)
  if (groups !== undefined) for (const slice of slices) requireWholeSlices(group as string, groups, slice)
  const importance = answersLike(model.facts, step)
    ? await importanceOf(model, sample.features, sample.labels, gains, sample.groups)
    : []
  const attribution = await attributionOf(order.model, model, sample.features)
  const common = { slices, importance, attribution, decisions }
  if (outputs === undefined || classes === undefined) {
    const scored = { ...inOutputs({ predictions, labels }, model.facts, step), groups: groups?.numbers }
    return { ...common, scored, outputs: scored.outputs, unseen: [] }
  }
  const { names, rows } = classes
  return {
    ...common,
    scored: { predictions: underNames(predictions, outputs, names), labels },
    outputs: names,
    unseen: names.slice(outputs.length).map((name, i) => ({ name, rows: rows[outputs.length + i] as number })),
  }
}

/** Whether a model answers what is judged; what it rests on cannot be said by labels of something else. */
const answersLike = (facts: LoadedModel['facts'], { target }: StepOf<'evaluate'>): boolean =>
  facts.task === 'multiclass' || canonicalJson(facts.outputs ?? null) === canonicalJson(targetOutputs(target) ?? null)

/**
 * Numbers under the names of what is judged: another model may answer fewer or other ones, and has no value of those
 * that it lacks.
 */
function inOutputs({ predictions, labels }: Scored, facts: LoadedModel['facts'], step: StepOf<'evaluate'>): Scored {
  const wanted = targetOutputs(step.target)
  const names = wanted ?? (facts.outputs === undefined ? undefined : [step.target.column])
  if (names === undefined) return { predictions, labels }
  const own = facts.outputs ?? [facts.target]
  const named = underNames(predictions, own, names, Number.NaN)
  return { predictions: named, labels, ...(wanted !== undefined && { outputs: wanted }) }
}

/** All groups, and those that can be ranked. */
function groupsCounted(numbers: Uint32Array): Evaluation['groups'] {
  const { starts } = groupRows(numbers)
  const all = starts.length - 1
  let ranked = 0
  for (let place = 0; place < all; place++) if ((starts[place + 1] as number) - (starts[place] as number) > 1) ranked++
  return { all, ranked }
}

/** Rows of a slice are ranked whole groups by whole groups. @throws SlipwayError GROUP_TORN */
function requireWholeSlices(
  group: string,
  { numbers, names }: { readonly numbers: Uint32Array; readonly names: readonly (string | number)[] },
  { column, codes, values }: SliceCodes,
): void {
  const codeOf = new Int32Array(names.length).fill(-1)
  numbers.forEach((number, row) => {
    const [known, code] = [codeOf[number] as number, codes[row] as number]
    if (known >= 0 && known !== code) {
      const [one, other] = [known, code].map((each) => JSON.stringify([...values.keys()][each]))
      const torn = `slices by "${column}" tear groups of "${group}" apart: `
      throw new SlipwayError('GROUP_TORN', `${torn}row ${row + 1} is of another one than rows of its group before`, {
        inFull: `${torn}${JSON.stringify(names[number])} has rows of ${one} and of ${other}`,
        next: `slice by a column that is the same for all rows of a ${group}`,
      })
    }
    codeOf[number] = code
  })
}

/** @param at the table's row that the cells begin with */
function takeCodes({ values, codes }: SliceCodes, cells: Column, at: number): void {
  for (let i = 0; i < cells.length; i++) {
    const value = String(cells[i])
    let code = values.get(value)
    if (code === undefined) {
      code = values.size
      values.set(value, code)
    }
    codes[at + i] = code
  }
}

function measuredSlices(task: Evaluation['task'], scored: Scored, { values, codes, isMasked }: SliceCodes) {
  const rows = rowsByCode(codes, values.size)
  return [...values.keys()].map((value, code) => ({
    value: isMasked ? `value ${code + 1}` : value,
    rows: rows[code]?.length ?? 0,
    metrics: metricsOf(task, selectRows(scored, rows[code] as Uint32Array)),
  }))
}

function metricsOf(task: Evaluation['task'], scored: Scored): Record<string, number> {
  return Object.fromEntries(
    Object.entries<number>(measureAll(task, scored)).filter(([, value]) => Number.isFinite(value)),
  )
}

/** Rows by the code of a slicing column: [values][rows of it]. */
export function rowsByCode(codes: Int32Array, values: number): Uint32Array[] {
  const counts = new Uint32Array(values)
  for (const code of codes) counts[code] = (counts[code] as number) + 1
  const rows = Array.from(counts, (count) => new Uint32Array(count))
  const at = new Uint32Array(values)
  codes.forEach((code, row) => {
    ;(rows[code] as Uint32Array)[at[code] as number] = row
    at[code] = (at[code] as number) + 1
  })
  return rows
}
