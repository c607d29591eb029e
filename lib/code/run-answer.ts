import { columnOf, likeliest, widthOf } from '../formats/answers.ts'
import type { Task } from '../formats/code-ref.ts'
import { type Column, type Numbers, rowCount, type UserFunction } from '../formats/columns.ts'
import { type DecisionKind, type Decisions, decisionAt, kindOfDecisions } from '../formats/decisions.ts'
import { SlipwayError } from '../formats/errors.ts'
import { describe, isPromise, sliceColumns } from './run-features.ts'
import { withUserFunction } from './user-fault.ts'

/** The function that answers, and what of its model decides what it is given. */
export interface Answerer {
  readonly userFunction: UserFunction
  readonly name: string
  readonly task: Task
  /** Of several numbers a row: what they are called. */
  readonly outputs?: readonly string[] | undefined
}

const next = 'return a finite number, a truth value or a text for every row, of one kind for all of them'

/**
 * Asks the function that answers about rows and their scores, and checks what it returns.
 * @param predictions of the rows [rows · width]; the function gets copies
 * @param columns of the rows, as the feature function gets them
 * @param kind of its answers on the rows it was packaged with, where that is known
 * @param firstRow number of the first row, from 1, for messages
 * @throws SlipwayError ANSWER_INVALID
 */
export function runAnswer(
  answerer: Answerer,
  predictions: Numbers,
  columns: Readonly<Record<string, Column>>,
  kind?: DecisionKind | undefined,
  firstRow = 1,
): Decisions {
  const { userFunction, name, outputs } = answerer
  const rows = predictions.length / (outputs?.length ?? 1)
  const where = `${name} throws on rows ${firstRow} to ${firstRow + rows - 1}`
  return withUserFunction(userFunction, 'ANSWER_INVALID', where, 'mend the function', () => {
    const decisions = decisionsOf(userFunction(scoresFor(answerer, predictions), columns), { name, rows, firstRow })
    const made = kindOfDecisions(decisions)
    if (kind === undefined || made === kind || rows === 0) return decisions
    throw invalid(`${name} answers a ${made} for row ${firstRow}, where it answered a ${kind} when it was packaged`)
  })
}

/** Scores as the function gets them: copies, so that what it changes is its own. */
function scoresFor({ task, outputs }: Answerer, predictions: Numbers): Readonly<Record<string, unknown>> {
  const own = predictions.slice()
  if (task === 'multiclass' && outputs !== undefined) {
    const { length: width } = outputs
    const label = Array.from({ length: own.length / width }, (_, row) => outputs[likeliest(own, row, width)] as string)
    return { probabilities: own, classes: [...outputs], label }
  }
  if (task === 'binary') return { probability: own }
  if (task === 'ranking') return { score: own }
  const named = (outputs ?? []).map((name, column) => [name, columnOf(own, column, widthOf({ outputs }))] as const)
  const byName = Object.fromEntries(named)
  if (task === 'quantiles') return { quantiles: byName }
  return { prediction: named[0]?.[1] ?? own, predictions: byName }
}

/** What was asked of the function. */
interface Asked {
  readonly name: string
  readonly rows: number
  readonly firstRow: number
}

const invalid = (message: string, inFull?: string): SlipwayError =>
  new SlipwayError('ANSWER_INVALID', message, { inFull, next })

function decisionsOf(returned: unknown, { name, rows, firstRow }: Asked): Decisions {
  if (isPromise(returned)) throw invalid(`${name} returns a Promise: functions that answer are synchronous`)
  if (!Array.isArray(returned) && !isTypedArray(returned))
    throw invalid(`${name} returns ${describe(returned)}, not an array of answers`)
  if (returned.length !== rows) throw invalid(`${name} returns ${returned.length} answers for ${rows} rows`)
  const wrong = (row: number): SlipwayError => {
    const says = (what: string): string => `${name} answers ${what} for row ${firstRow + row}`
    const value: unknown = returned[row]
    return invalid(says(inWords(value)), typeof value === 'object' ? undefined : says(String(value)))
  }
  const [first] = returned as unknown[]
  if (typeof first === 'string' || typeof first === 'boolean') {
    for (let row = 0; row < rows; row++) if (typeof returned[row] !== typeof first) throw wrong(row)
    return typeof first === 'string' ? (returned.slice() as string[]) : Uint8Array.from(returned as boolean[], Number)
  }
  for (let row = 0; row < rows; row++) if (!Number.isFinite(returned[row])) throw wrong(row)
  return Float64Array.from(returned as ArrayLike<number>)
}

const isTypedArray = (value: unknown): value is Float64Array =>
  ArrayBuffer.isView(value) && !(value instanceof DataView)

const inWords = (value: unknown): string =>
  typeof value === 'number' && !Number.isFinite(value) ? String(value) : describe(value)

/** Rows that are asked about one by one, and in sevens. */
const [singles, sevens] = [64, 448]

/**
 * Makes sure that the answer to a row does not depend on which rows come with it, as `requireChunkInvariance` does of
 * features.
 * @throws SlipwayError ANSWER_INVALID
 */
export function requireOwnRowAnswers(
  answerer: Answerer,
  predictions: Numbers,
  columns: Readonly<Record<string, Column>>,
): void {
  const { userFunction, name } = answerer
  withUserFunction(userFunction, 'ANSWER_INVALID', `${name} throws`, 'mend the function', () =>
    compareChunks(answerer, predictions, columns),
  )
}

function compareChunks(answerer: Answerer, predictions: Numbers, columns: Readonly<Record<string, Column>>): void {
  const rows = rowCount(columns)
  const width = answerer.outputs?.length ?? 1
  const whole = runAnswer(answerer, predictions, columns)
  for (const [size, until] of [
    [1, Math.min(rows, singles)],
    [7, Math.min(rows, sevens)],
  ] as const)
    for (let from = 0; from < until; from += size) {
      const to = Math.min(from + size, rows)
      const own = predictions.subarray(from * width, to * width)
      const piece = runAnswer(answerer, own, sliceColumns(columns, from, to), undefined, from + 1)
      for (let row = from; row < to; row++)
        if (!Object.is(whole[row], piece[row - from]))
          throw new SlipwayError(
            'ANSWER_INVALID',
            `${answerer.name}: the answer to row ${row + 1} is another among ${rows} rows than among ${to - from}`,
            {
              inFull: `${answerer.name}: the answer to row ${row + 1} is ${decisionAt(whole, row)} among ${rows} rows and ${decisionAt(piece, row - from)} among ${to - from}`,
              next: 'an answer may depend on its own row and scores only: no means or ranks over the rows given',
            },
          )
    }
}
