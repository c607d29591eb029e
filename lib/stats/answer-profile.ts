import { columnOf, likeliest, type Named, numbersIn, widthOf } from '../formats/answers.ts'
import { brief, firstOf } from '../formats/brief.ts'
import type { Numbers } from '../formats/columns.ts'
import { type Decisions, decisionColumn } from '../formats/decisions.ts'
import { show } from '../formats/show-number.ts'
import { type Profile, profileCategories, profileNumbers } from './profile.ts'
import { isOutputColumn, outputInWords } from './tensor-summary.ts'

/*
 * Answers among the columns of a profile: `score:` of a model of one number a row; of several classes a column each,
 * `score:a`, and `class:`, which class was answered; of several numbers `score:number:a`. `answer:` is what a function
 * of the user's makes of them. A feature that is called so is refused in training.
 */
const scoreMark = 'score:'
const numberMark = 'score:number:'
export const classColumn = 'class:'
/** What a function of the user's answers. */
export const answerColumn = 'answer:'

/** What the column of an answer is called in profiles. @param output undefined of a model of one number a row */
export const scoreColumn = (output?: string): string => `${scoreMark}${output ?? ''}`

/** The same of one of several numbers. */
export const numberColumn = (output: string): string => `${numberMark}${output}`

export const isAnswerColumn = (column: string): boolean =>
  column === classColumn || column === answerColumn || column.startsWith(scoreMark) || isOutputColumn(column)

/** The name of a column for people. */
export function nameOfColumn(column: string): string {
  if (column === classColumn) return 'predicted class'
  if (column === answerColumn) return 'answers'
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

/** What the answers of a function of the user's looked like: texts and truth values by value. */
export function profileOfDecisions(decisions: Decisions): Profile {
  const column = decisionColumn(decisions)
  if (column instanceof Float64Array) return { [answerColumn]: profileNumbers(column, 'around') }
  const codes = new Map<string, number>()
  const codeOf = (value: string): number => {
    const code = codes.get(value) ?? codes.size
    codes.set(value, code)
    return code
  }
  const coded = Int32Array.from(column, codeOf)
  return { [answerColumn]: profileCategories([...codes.keys()], coded) }
}

/** The answers of a baseline, in a few words: `true 22 %, false 78 %`. */
export function answersInWords({ [answerColumn]: profile }: Profile): string {
  if (profile === undefined) return 'nothing'
  if (profile.kind === 'numeric') return `${show(profile.min ?? 0)} to ${show(profile.max ?? 0)}`
  const shares = profile.top.map(([value, rows]) => `${brief(value, 40)} ${Math.round((100 * rows) / profile.rows)} %`)
  return firstOf(shares, { most: 5 })
}

/** Such answers as a column of that profile; none where no function answers. */
export const decisionColumns = (
  decisions: Decisions | undefined,
): Readonly<Record<string, Float64Array | readonly string[]>> =>
  decisions === undefined ? {} : { [answerColumn]: decisionColumn(decisions) }

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
