import type { Features } from '../code/run-features.ts'
import { sliceColumns } from '../code/run-features.ts'
import { readColumns } from '../data/columns.ts'
import { withDuckDb } from '../data/duckdb.ts'
import type { LocalTable } from '../data/table.ts'
import { type Column, type Numbers, rowCount } from '../formats/columns.ts'
import type { Decisions } from '../formats/decisions.ts'
import type { RowSchema } from '../formats/row-schema.ts'
import type { LoadedModel } from '../models/model.ts'

type Columns = Readonly<Record<string, Column>>

/** What scores rows: a loaded model, or what is compared with one. */
export type TableModel = Pick<LoadedModel, 'makeFeatures' | 'scoreFeatures'> &
  Partial<Pick<LoadedModel, 'decide'>> & {
    readonly facts: Pick<LoadedModel['facts'], 'inputs'>
  }

/** What a model makes of some rows, each [rows of the chunk]; predictions [rows · width]. */
export interface ModelScores {
  readonly features: Features
  readonly predictions: Numbers
  /** Where a function answers: what it answers, [rows of the chunk]. */
  readonly decisions: Decisions | undefined
}

/** Rows that were read and scored. */
export interface ScoredChunk<Models extends readonly TableModel[]> {
  /** All columns that were read. */
  readonly columns: Columns
  /** How many rows came before. */
  readonly at: number
  readonly rows: number
  /** By model, in their order. */
  readonly scored: { readonly [Place in keyof Models]: ModelScores }
}

type Take<Models extends readonly TableModel[]> = (chunk: ScoredChunk<Models>) => void

/**
 * Runs chunks of rows through the feature code and the session of one model or several: the one loop that scores a
 * table. Sessions are their owner's: see `withModels`.
 * @param take hears of every chunk, in order
 * @param firstRow the number of the first row, from 1, for messages
 * @returns how many rows there were
 * @throws SlipwayError FEATURES_…, ANSWER_INVALID
 */
export async function scoreChunks<const Models extends readonly TableModel[]>(
  models: Models,
  chunks: AsyncIterable<Columns>,
  take: Take<Models>,
  firstRow = 1,
): Promise<number> {
  let at = 0
  for await (const columns of chunks) {
    const rows = rowCount(columns)
    const scored: ModelScores[] = []
    for (const model of models) {
      const own = Object.fromEntries(model.facts.inputs.map(({ name }) => [name, columns[name] as Column]))
      const features = model.makeFeatures(own, firstRow + at)
      const predictions = await model.scoreFeatures(features)
      scored.push({ features, predictions, decisions: model.decide?.(predictions, own, firstRow + at) })
    }
    take({ columns, at, rows, scored: scored as unknown as ScoredChunk<Models>['scored'] })
    at += rows
  }
  return at
}

export interface TableOrder<Models extends readonly TableModel[]> {
  readonly models: Models
  readonly table: LocalTable
  /** What is read: what the first model takes, unless it is said. */
  readonly columns?: RowSchema
  /** How many rows from the first on; all unless it is said. */
  readonly rows?: number
  /** Threads that read. */
  readonly threads?: number
}

/** Reads a table and scores it, as `scoreChunks` does. */
export function scoreTable<const Models extends readonly [TableModel, ...TableModel[]]>(
  { models, table, columns = models[0].facts.inputs, rows, threads = 2 }: TableOrder<Models>,
  take: Take<Models>,
): Promise<number> {
  return withDuckDb(threads, (connection) => {
    const chunks = readColumns(connection, table, columns)
    return scoreChunks(models, rows === undefined ? chunks : firstOf(chunks, rows), take)
  })
}

/** The first rows of a table, chunk by chunk. */
async function* firstOf(chunks: AsyncIterable<Columns>, rows: number): AsyncGenerator<Columns> {
  let at = 0
  for await (const chunk of chunks) {
    const left = rows - at
    if (left <= 0) return
    at += rowCount(chunk)
    yield at <= rows ? chunk : sliceColumns(chunk, 0, left)
    if (at >= rows) return
  }
}
