import type { DuckDBConnection } from '@duckdb/node-api'
import {
  type Features,
  isNumbers,
  requireChunkInvariance,
  ruleOf,
  runFeatures,
  sliceColumns,
} from '../code/run-features.ts'
import { groupsOf, labelsOfRows, runClasses } from '../code/run-target.ts'
import { readColumns } from '../data/columns.ts'
import type { LocalTable } from '../data/table.ts'
import { classNumbers, mostClasses } from '../formats/classes.ts'
import { type TargetRef, targetColumns } from '../formats/code-ref.ts'
import type { Column, Numbers, UserFunction } from '../formats/columns.ts'
import { SlipwayError } from '../formats/errors.ts'
import { groupNumbers } from '../formats/groups.ts'
import type { Task } from '../formats/plan.ts'
import type { RowSchema } from '../formats/row-schema.ts'
import type { RepeatSample } from './features-again/sample.ts'

/**
 * A feature of all rows: numbers, with what is to be subtracted before they become float32 (see `offsets.ts`); or codes
 * into the texts seen (−1 for missing).
 */
export type FeatureVector =
  | { readonly name: string; readonly kind: 'number'; readonly values: Numbers; readonly offset?: number }
  | { readonly name: string; readonly kind: 'category'; readonly values: string[]; readonly codes: Int32Array }

export interface LabelledFeatures {
  readonly features: readonly FeatureVector[]
  /** [rows]: of several classes their numbers; of several targets [rows · targets], row by row. */
  readonly labels: Float64Array
  /** Of a multiclass task: what its classes are called, and how many rows each has. */
  readonly classes?: { readonly names: readonly string[]; readonly rows: readonly number[] } | undefined
  /** Of a ranking: which group each row is of [rows], by its place among the names of groups. */
  readonly groups?: { readonly numbers: Uint32Array; readonly names: readonly (string | number)[] } | undefined
  /** How much each row counts, where a column says so. */
  readonly weights?: Float32Array | undefined
}

/** What turns rows into features and labels. */
export interface Preparation {
  readonly features: UserFunction
  readonly featuresName: string
  readonly inputs: RowSchema
  readonly target: Omit<TargetRef, 'code'> & { readonly code: UserFunction | undefined }
  readonly weight: string | undefined
  readonly task: Task
  /** Classes that are known before these rows; others come behind them. */
  readonly classes?: readonly string[] | undefined
}

/** Rows on which chunk invariance is checked in every run. */
const invarianceSample = 2_000

/**
 * Reads a table through the feature function into vectors as long as the table. Text becomes codes while it streams by,
 * so that strings never pile up.
 * @param repeat takes rows that are made a second time; on the first ones it is checked that cutting changes nothing
 */
export async function prepare(
  connection: DuckDBConnection,
  table: LocalTable,
  preparation: Preparation,
  repeat?: RepeatSample,
): Promise<LabelledFeatures> {
  const { inputs, target, weight, task } = preparation
  const predicted = targetColumns(target)
  const read = [...predicted, weight, target.group].filter((name) => name !== undefined)
  const columns = [...inputs, ...read.map((name) => ruleOf(table.schema, name))]
  const labels = new Float64Array(table.rows * predicted.length)
  const classes = task === 'multiclass' ? classNumbers(preparation.classes) : undefined
  const groups = target.group === undefined ? undefined : newGroups(target.group, table.rows)
  const weights = weight === undefined ? undefined : new Float32Array(table.rows)
  const vectors: (FeatureVector & { index?: Map<string, number> })[] = []
  let at = 0
  for await (const chunk of readColumns(connection, table, columns)) {
    const rest = without(chunk as Record<string, Column>, read)
    const targetColumn = chunk[target.column] as Column
    if (at === 0 && repeat !== undefined)
      requireChunkInvariance(preparation.features, preparation.featuresName, sliceColumns(rest, 0, invarianceSample))
    if (classes === undefined)
      labels.set(labelsOfRows(target, chunk, { ...target, task, firstRow: at + 1 }), at * predicted.length)
    else labels.set(classes.numbersOf(runClasses(target.code, target.column, targetColumn, at + 1)), at)
    requireFew(target.column, classes?.names)
    groups?.take(chunk[target.group as string] as Column, at)
    const features = runFeatures(preparation.features, preparation.featuresName, rest, at + 1, () => true)
    repeat?.take(rest, features)
    append(vectors, features, at, table.rows)
    if (weight !== undefined) weights?.set(requireWeights(weight, chunk[weight] as Column, at + 1), at)
    at += targetColumn.length
  }
  if (weights?.every((value) => value === 0)) throw weightsInvalid(`all ${weights.length} rows weigh 0 by "${weight}"`)
  return {
    features: vectors,
    labels,
    weights,
    ...(classes !== undefined && { classes }),
    ...(groups !== undefined && { groups }),
  }
}

/** The groups of all rows, as they come by. */
function newGroups(column: string, rows: number) {
  const numbers = new Uint32Array(rows)
  const { names, numbersOf } = groupNumbers()
  return {
    numbers,
    names,
    take(cells: Column, at: number): void {
      numbers.set(numbersOf(groupsOf(column, cells, at + 1)), at)
    },
  }
}

/** The names of the groups of a table. */
export async function groupsIn(
  connection: DuckDBConnection,
  table: LocalTable,
  column: string,
): Promise<ReadonlySet<string | number>> {
  const found = new Set<string | number>()
  let at = 0
  for await (const chunk of readColumns(connection, table, [ruleOf(table.schema, column)])) {
    const cells = chunk[column] as Column
    for (const name of groupsOf(column, cells, at + 1)) found.add(name)
    at += cells.length
  }
  return found
}

const without = (columns: Readonly<Record<string, Column>>, names: readonly string[]): Record<string, Column> =>
  Object.fromEntries(Object.entries(columns).filter(([name]) => !names.includes(name)))

/** @throws SlipwayError TARGET_INVALID */
function requireFew(target: string, classes: readonly string[] | undefined): void {
  if (classes === undefined || classes.length <= mostClasses) return
  throw new SlipwayError('TARGET_INVALID', `target "${target}" has more than ${mostClasses} classes`, {
    next: 'look whether it is an id; or have a function put rare classes together',
  })
}

function requireWeights(name: string, values: Column, firstRow: number): Float64Array {
  const wrong = (values as Float64Array).findIndex((value) => !(value >= 0 && value < Number.POSITIVE_INFINITY))
  if (wrong >= 0) {
    const value = values[wrong] as number
    const weighs = (what: string | number): string => `row ${firstRow + wrong} weighs ${what} by "${name}"`
    throw weightsInvalid(weighs(value < 0 ? 'less than 0' : value), weighs(value))
  }
  return values as Float64Array
}

function weightsInvalid(message: string, inFull?: string): SlipwayError {
  return new SlipwayError('WEIGHTS_INVALID', message, {
    inFull,
    next: 'a weight is a number of at least 0, and some row of each part weighs more',
  })
}

function append(
  vectors: (FeatureVector & { index?: Map<string, number> })[],
  features: Features,
  at: number,
  rows: number,
): void {
  if (vectors.length === 0) {
    for (const [name, values] of Object.entries(features)) {
      vectors.push(
        isNumbers(values)
          ? { name, kind: 'number', values: new (values.constructor as Float64ArrayConstructor)(rows) }
          : { name, kind: 'category', values: [], codes: new Int32Array(rows), index: new Map() },
      )
    }
  }
  for (const vector of vectors) {
    const feature = features[vector.name]
    if (vector.kind === 'number') vector.values.set(feature as Numbers, at)
    else {
      const { index, values, codes } = vector as typeof vector & { index: Map<string, number> }
      ;(feature as (string | null)[]).forEach((value, i) => {
        let code = -1
        if (value !== null) {
          code = index.get(value) ?? values.length
          if (code === values.length) {
            index.set(value, code)
            values.push(value)
          }
        }
        codes[at + i] = code
      })
    }
  }
}
