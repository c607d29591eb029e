import { columnOf, likeliest, type Named, numbersIn, widthOf } from '../formats/answers.ts'
import type { Numbers } from '../formats/columns.ts'
import { type Profile, profileCategories, profileNumbers } from './profile.ts'
import { isOutputColumn, outputInWords } from './tensor-summary.ts'

/*
 * Answers among the columns of a profile: `score:` of a model of one number a row; of several classes a column each,
 * `score:a`, and `class:`, which class was answered; of several numbers `score:number:a`. A feature that is called so is
 * refused in training.
 */
const scoreMark = 'score:'
const numberMark = 'score:number:'
export const classColumn = 'class:'

/** What the column of an answer is called in profiles. @param output undefined of a model of one number a row */
export const scoreColumn = (output?: string): string => `${scoreMark}${output ?? ''}`

/** The same of one of several numbers. */
export const numberColumn = (output: string): string => `${numberMark}${output}`

export const isAnswerColumn = (column: string): boolean =>
  column === classColumn || column.startsWith(scoreMark) || isOutputColumn(column)

/** The name of a column for people. */
export function nameOfColumn(column: string): string {
  if (column === classColumn) return 'predicted class'
  if (isOutputColumn(column)) return outputInWords(column)
  if (!column.startsWith(scoreMark)) return column
  if (column.startsWith(numberMark)) return `prediction of ${column.slice(numberMark.length)}`
  return column === scoreMark ? 'predictions' : `probability of ${column.slice(scoreMark.length)}`
}

/** What the answers of the rows of a baseline looked like. */
export function profileOfAnswers(answers: Numbers, named: Named): Profile {
  const { outputs } = named
  if (outputs === undefined) return { [scoreColumn()]: profileNumbers(answers, 'between') }
  const width = outputs.length
  const isOfNumbers = numbersIn(named) !== undefined
  const scores = outputs.map((output, column): [string, Profile[string]] => [
    (isOfNumbers ? numberColumn : scoreColumn)(output),
    profileNumbers(columnOf(answers, column, width), 'between'),
  ])
  if (isOfNumbers) return Object.fromEntries(scores)
  const codes = Int32Array.from({ length: answers.length / width }, (_, row) => likeliest(answers, row, width))
  return { ...Object.fromEntries(scores), [classColumn]: profileCategories(outputs, codes) }
}

/** The columns of that profile that hold numbers which can be compared: of several numbers one each. */
export const answerColumnsIn = (named: Named): readonly string[] =>
  numbersIn(named)?.map(numberColumn) ?? [scoreColumn()]

/** Answers as columns of that profile. */
export function answerColumns(
  answers: Numbers,
  named: Named,
): Readonly<Record<string, Numbers | readonly (string | null)[]>> {
  const { outputs } = named
  if (outputs === undefined) return { [scoreColumn()]: answers }
  const width = widthOf(named)
  const isOfNumbers = numbersIn(named) !== undefined
  const columns: Record<string, Numbers | readonly string[]> = {}
  outputs.forEach((output, column) => {
    columns[(isOfNumbers ? numberColumn : scoreColumn)(output)] = columnOf(answers, column, width)
  })
  if (isOfNumbers) return columns
  columns[classColumn] = classesOf(answers, outputs)
  return columns
}

/** The class that is answered for each row. */
export const classesOf = (answers: Numbers, outputs: readonly string[]): string[] =>
  Array.from(
    { length: answers.length / outputs.length },
    (_, row) => outputs[likeliest(answers, row, outputs.length)] as string,
  )
