import type { Task } from '../formats/code-ref.ts'
import { type Decisions, decisionColumn, kindOfDecisions } from '../formats/decisions.ts'
import type { Decided } from '../formats/evaluation.ts'
import { show } from '../formats/show-number.ts'

/** Values that are told of one by one. */
const mostValues = 20

/** Rows that a function answered, and what came of them. */
export interface DecidedRows {
  readonly decisions: Decisions
  readonly task: Task
  /** 0 and 1 of a binary task, places among the classes of one of several, [rows]; of several targets more. */
  readonly labels: ArrayLike<number>
  readonly classes?: readonly string[] | undefined
}

/** What was answered, and what came of the rows that were answered so. */
export function decidedOf({ decisions, task, labels, classes }: DecidedRows): Decided {
  const kind = kindOfDecisions(decisions)
  const column = decisionColumn(decisions)
  const rows = column.length
  // What is one number of several targets is about none of them alone.
  const isOne = labels.length === rows
  if (column instanceof Float64Array)
    return { kind, ...numbersOf(column, task === 'regression' && isOne ? labels : undefined) }
  const totals = new Map<string, { rows: number; sum: number }>()
  for (let row = 0; row < rows; row++) {
    const value = column[row] as string
    const total = totals.get(value) ?? { rows: 0, sum: 0 }
    totals.set(value, { rows: total.rows + 1, sum: total.sum + (labels[row] as number) })
  }
  const values = [...totals]
    .map(([value, total]) => ({
      value,
      rows: total.rows,
      ...(task !== 'multiclass' && isOne && { meanLabel: total.sum / total.rows }),
    }))
    .sort((a, b) => b.rows - a.rows || (a.value < b.value ? -1 : 1))
    .slice(0, mostValues)
  const agrees = agreement(column, kind, task, labels, classes)
  return { kind, values, ...(agrees !== undefined && rows > 0 && { agreement: agrees / rows }) }
}

/** Rows that are answered with what they were, where answers could be that. */
function agreement(
  column: readonly string[],
  kind: Decided['kind'],
  task: Task,
  labels: ArrayLike<number>,
  classes: readonly string[] | undefined,
): number | undefined {
  const count = (isRight: (value: string, row: number) => boolean): number =>
    column.reduce((sum, value, row) => sum + Number(isRight(value, row)), 0)
  if (task === 'binary' && kind === 'boolean') return count((value, row) => (value === 'true') === (labels[row] === 1))
  // Texts that name no class are answers of another kind.
  if (task === 'multiclass' && classes !== undefined && column.some((value) => classes.includes(value)))
    return count((value, row) => value === classes[labels[row] as number])
  return undefined
}

function numbersOf(values: Float64Array, labels: ArrayLike<number> | undefined): Partial<Decided> {
  if (values.length === 0) return {}
  let [min, max, sum, off] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0]
  values.forEach((value, row) => {
    min = Math.min(min, value)
    max = Math.max(max, value)
    sum += value
    if (labels !== undefined) off += Math.abs(value - (labels[row] as number))
  })
  return { mean: sum / values.length, min, max, ...(labels !== undefined && { mae: off / values.length }) }
}

/** Columns of `decidedRows`, and what its last one is of. */
export function decidedHead({ values = [] }: Decided, task: Task): readonly string[] {
  const ofLabels = task === 'binary' ? 'positive' : 'mean label'
  return ['answer', 'rows', ...(values.some(({ meanLabel }) => meanLabel !== undefined) ? [ofLabels] : [])]
}

/** Answers as the rows of a table for people: how many rows, and what came of them. */
export function decidedRows({ values, mean, min, max }: Decided): readonly (readonly string[])[] {
  if (values === undefined)
    return min === undefined || max === undefined || mean === undefined
      ? []
      : [[`${show(min)} to ${show(max)}, mean ${show(mean)}`, '']]
  return values.map(({ value, rows, meanLabel }) => [
    value,
    rows.toLocaleString('en-US'),
    ...(meanLabel === undefined ? [] : [show(meanLabel)]),
  ])
}

/** How far answers are what came; empty where they are something else. */
export function agreementInWords({ agreement: share, mae }: Decided): string {
  if (share !== undefined) return `answers agree with what came in ${Number((100 * share).toPrecision(3))} % of rows`
  return mae === undefined ? '' : `answers are off by ${show(mae)} on average`
}
