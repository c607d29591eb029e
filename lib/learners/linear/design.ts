import { standardOf } from '../../stats/standard.ts'
import type { LearnerOrder, LearnerRows, ModelInput } from '../learner.ts'

/** An input that is a number, as the training rows have it. */
export interface NumberInput {
  readonly input: number
  /** Of the values that are there, by the rows' weights. A missing value counts as the mean. */
  readonly mean: number
  /** Standard deviation (ddof 0); 0 of an input that is constant. */
  readonly deviation: number
  /** Column that says whether the value is missing, where one is in the training rows. */
  readonly missingColumn: number | undefined
}

/** An input that is a text: a column a value that is known, from `first` on. */
export interface TextInput {
  readonly input: number
  readonly first: number
  readonly values: number
}

/**
 * How rows become columns: first the numbers, standardised, then columns of 0 and 1 (which numbers are missing, which
 * value a text has), and last the intercept, which is always 1. Of the columns of 0 and 1 a row names those that are 1.
 */
export interface Design {
  readonly numbers: readonly NumberInput[]
  readonly texts: readonly TextInput[]
  /** With that of the intercept. */
  readonly columns: number
}

/** The columns that inputs need, by their training rows. */
export function designOf({ inputs, train }: Pick<LearnerOrder<unknown>, 'inputs' | 'train'>): Design {
  const indicesOf = (kind: ModelInput['kind']): number[] =>
    inputs.flatMap((each, input) => (each.kind === kind ? [input] : []))
  const described = indicesOf('number').map((input) => ({ input, ...describe(train, input) }))
  let columns = described.length
  const numbers = described.map(({ isComplete, ...each }) => ({
    ...each,
    missingColumn: isComplete ? undefined : columns++,
  }))
  const texts = indicesOf('category').map((input) => {
    const [first, { categories }] = [columns, inputs[input] as Extract<ModelInput, { kind: 'category' }>]
    columns += categories.length
    return { input, first, values: categories.length }
  })
  return { numbers, texts, columns: columns + 1 }
}

function describe({ features, weights }: LearnerRows, input: number) {
  const values = features[input] as Float32Array
  const counts = (row: number): boolean => weights === undefined || (weights[row] as number) > 0
  const isThere = (value: number, row: number): boolean => !Number.isNaN(value) && counts(row)
  const present = values.filter(isThere)
  const { centre, spread } = standardOf(
    present,
    weights?.filter((_, row) => isThere(values[row] as number, row)),
  )
  const isComplete = !values.some((value, row) => Number.isNaN(value) && counts(row))
  return { mean: centre, deviation: spread, isComplete }
}

/** One row at a time. */
export interface DesignRow {
  /** [numbers]. */
  readonly numbers: Float64Array
  /** Columns that are 1, ascending, that of the intercept last; the first `count` hold. */
  readonly ones: Int32Array
  readonly count: number
}

/** Reads rows into one place that is used again for each. */
export function rowReader({ numbers, texts, columns }: Design, features: readonly Float32Array[]) {
  const scale = numbers.map(({ deviation }) => (deviation === 0 ? 0 : 1 / deviation))
  const row = {
    numbers: new Float64Array(numbers.length),
    ones: new Int32Array(numbers.length + texts.length + 1),
    count: 0,
  }
  return (at: number): DesignRow => {
    row.count = 0
    for (let i = 0; i < numbers.length; i++) {
      const { input, mean, missingColumn } = numbers[i] as NumberInput
      const value = features[input]?.[at] as number
      const isMissing = Number.isNaN(value)
      row.numbers[i] = isMissing ? 0 : (value - mean) * (scale[i] as number)
      if (isMissing && missingColumn !== undefined) row.ones[row.count++] = missingColumn
    }
    for (const { input, first } of texts) {
      const code = features[input]?.[at] as number
      if (!Number.isNaN(code)) row.ones[row.count++] = first + code
    }
    row.ones[row.count++] = columns - 1
    return row
  }
}

/** A row's columns times their weights, summed in the order of the columns. */
export function sumOfRow({ numbers, ones, count }: DesignRow, weights: Float64Array): number {
  let sum = 0
  for (let i = 0; i < numbers.length; i++) sum += (numbers[i] as number) * (weights[i] as number)
  for (let i = 0; i < count; i++) sum += weights[ones[i] as number] as number
  return sum
}
