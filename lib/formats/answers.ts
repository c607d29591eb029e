import type { Numbers } from './columns.ts'

/*
 * What models answer: a number a row, or as many as they have outputs side by side. They are kept flat, row by row:
 * [rows · width].
 */

/** Something that says what the numbers of its answers are called, where there is more than one a row. */
export interface Named {
  readonly outputs?: readonly string[] | undefined
}

/** How many numbers are answered a row. */
export const widthOf = ({ outputs }: Named): number => outputs?.length ?? 1

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

/** The answers of some rows. */
export function pickRows(answers: Numbers, rows: ArrayLike<number>, width: number): Numbers {
  const picked = roomLike(answers, rows.length * width)
  for (let i = 0; i < rows.length; i++)
    for (let column = 0; column < width; column++)
      picked[i * width + column] = answers[(rows[i] as number) * width + column] as number
  return picked
}

/** Columns of [rows] each as answers of that width; one column is answers already. */
export function sideBySide(columns: readonly Float32Array[]): Float32Array {
  const [first] = columns as readonly [Float32Array, ...Float32Array[]]
  if (columns.length === 1) return first
  const all = new Float32Array(first.length * columns.length)
  columns.forEach((values, column) => {
    for (let row = 0; row < values.length; row++) all[row * columns.length + column] = values[row] as number
  })
  return all
}

/**
 * Answers under the names of others: a column of zeros where there is no such name, and without the columns whose name
 * is not among them.
 */
export function underNames(answers: Numbers, own: readonly string[], names: readonly string[]): Numbers {
  if (own.length === names.length && own.every((name, i) => name === names[i])) return answers
  const rows = answers.length / own.length
  const renamed = roomLike(answers, rows * names.length)
  names.forEach((name, column) => {
    const from = own.indexOf(name)
    if (from < 0) return
    for (let row = 0; row < rows; row++)
      renamed[row * names.length + column] = answers[row * own.length + from] as number
  })
  return renamed
}
