import type { Task } from './code-ref.ts'
import type { Numbers } from './columns.ts'

/*
 * What models answer: a number a row, or as many as they have outputs side by side. They are kept flat, row by row:
 * [rows · width].
 */

/** Something that says what the numbers of its answers are called, where there is more than one a row. */
export interface Outputs {
  readonly outputs?: readonly string[] | undefined
}

/** The same, and of which task they are: several are classes, where it is not said. */
export interface Named extends Outputs {
  readonly task?: Task | undefined
}

/** What a number is that is answered for a row. */
export const answerNames = {
  binary: 'probability',
  regression: 'prediction',
  quantiles: 'prediction',
  multiclass: 'probabilities',
  ranking: 'score',
} as const satisfies Record<Task, string>

/** How many numbers are answered a row. */
export const widthOf = ({ outputs }: Outputs): number => outputs?.length ?? 1

/** The classes whose probabilities are answered, where several are. */
export const classesIn = ({ task = 'multiclass', outputs }: Named): readonly string[] | undefined =>
  task === 'multiclass' ? outputs : undefined

/** What the numbers that are answered are called, where there are several and they are no probabilities. */
export const numbersIn = ({ task = 'multiclass', outputs }: Named): readonly string[] | undefined =>
  task === 'multiclass' ? undefined : outputs

/** Room for numbers like these. */
export const roomLike = (values: Numbers, length: number): Numbers =>
  new (values.constructor as Float64ArrayConstructor)(length)

/** One of the numbers of each row: [rows]. */
export function columnOf(answers: Numbers, column: number, width: number): Numbers {
  if (width === 1) return answers
  const values = roomLike(answers, answers.length / width)
  for (let row = 0; row < values.length; row++) values[row] = answers[row * width + column] as number
  return values
}

/** Which of the numbers of a row is the largest, the first of equal ones: the class that a classifier answers. */
export function likeliest(answers: Numbers, row: number, width: number): number {
  let best = 0
  for (let column = 1; column < width; column++)
    if ((answers[row * width + column] as number) > (answers[row * width + best] as number)) best = column
  return best
}

/** Answers whose numbers ascend in every row, in place; equal ones stay in their order. */
export function ascendingRows<Values extends Numbers>(answers: Values, width: number): Values {
  for (let at = 0; at < answers.length; at += width)
    for (let to = at + 1; to < at + width; to++) {
      const value = answers[to] as number
      let place = to
      for (; place > at && value < (answers[place - 1] as number); place--)
        answers[place] = answers[place - 1] as number
      answers[place] = value
    }
  return answers
}

/** The answers of some rows. */
export function pickRows(answers: Numbers, rows: ArrayLike<number>, width: number): Numbers {
  const picked = roomLike(answers, rows.length * width)
  for (let i = 0; i < rows.length; i++)
    for (let column = 0; column < width; column++)
      picked[i * width + column] = answers[(rows[i] as number) * width + column] as number
  return picked
}

/** Columns of [rows] each as answers of that width; one column is answers already. */
export function sideBySide<Values extends Numbers>(columns: readonly Values[]): Values {
  const [first] = columns as readonly [Values, ...Values[]]
  if (columns.length === 1) return first
  const all = roomLike(first, first.length * columns.length) as Values
  columns.forEach((values, column) => {
    for (let row = 0; row < values.length; row++) all[row * columns.length + column] = values[row] as number
  })
  return all
}

/**
 * Answers under the names of others: a column of zeros, or of what else is said, where there is no such name, and
 * without the columns whose name is not among them.
 */
export function underNames(answers: Numbers, own: readonly string[], names: readonly string[], absent = 0): Numbers {
  if (own.length === names.length && own.every((name, i) => name === names[i])) return answers
  const rows = answers.length / own.length
  const renamed = roomLike(answers, rows * names.length).fill(absent)
  names.forEach((name, column) => {
    const from = own.indexOf(name)
    if (from < 0) return
    for (let row = 0; row < rows; row++)
      renamed[row * names.length + column] = answers[row * own.length + from] as number
  })
  return renamed
}

/** Names of which no two differ by their case alone, which DuckDB takes for one: of such the later get a number. */
export function distinctNames(names: readonly string[]): string[] {
  const taken = new Set<string>()
  return names.map((given) => {
    let free = given
    for (let number = 2; taken.has(free.toLowerCase()); number++) free = `${given}_${number}`
    taken.add(free.toLowerCase())
    return free
  })
}
