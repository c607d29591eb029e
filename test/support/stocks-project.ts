import { cpSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { rowsOf, text, withDuckDb } from '../../lib/data/duckdb.ts'
import { localTable } from '../../lib/data/local-table.ts'
import type { Store } from '../../lib/store/store.ts'
import type { Place } from './place.ts'
import type { TestProject } from './project.ts'

/** The example `pipelines/stocks` in projects of their own. */
export const stockNames = ['aapl', 'amzn', 'goog', 'ibm', 'msft']
const data = 'node_modules/vega-datasets/data'
const files = { quotes: `${data}/stocks.csv`, levels: `${data}/sp500.csv` }

/** A file of the package as its cells, without the header. */
export const cellsOf = (file: string): string[][] =>
  readFileSync(join(packageRoot, data, file), 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(','))

/** Copies the example, word for word, and its two files. */
export function copyStocks(project: TestProject): void {
  for (const path of ['pipelines/stocks', ...Object.values(files)]) {
    mkdirSync(dirname(join(project.root, path)), { recursive: true })
    cpSync(join(packageRoot, path), join(project.root, path), { recursive: true })
  }
}

/** Writes the example's definition again, with something in place of something else. */
export function editStocks(project: TestProject, edits: readonly (readonly [was: string, is: string])[]): void {
  const file = 'pipelines/stocks/pipeline.ts'
  let definition = readFileSync(join(packageRoot, file), 'utf8')
  for (const [was, is] of edits) {
    expect(definition.split(was), `${file} says ${was} once`).toHaveLength(2)
    definition = definition.replace(was, () => is)
  }
  project.write(file, definition)
}

/** The edits that make it read its tables elsewhere. */
export const readingFrom = (from: typeof files): (readonly [string, string])[] =>
  (['quotes', 'levels'] as const).map((source) => [files[source], from[source]])

interface StocksRun {
  readonly steps: readonly {
    readonly name: string
    readonly cached: boolean
    readonly outputs: readonly { readonly name: string; readonly digest: string }[]
  }[]
  readonly gates: readonly { readonly name: string; readonly passed: boolean; readonly value: number }[]
  readonly branches: readonly { readonly name: string; readonly status: string; readonly model: string | null }[]
}

/** Runs it to its end. @param code what the command is to exit with */
export async function runStocks(place: Place, code = 0): Promise<StocksRun> {
  const result = await place.run('run', 'stocks', '--wait', '--json')
  expect(result, result.stderr).toMatchObject({ code })
  return JSON.parse(result.stdout)
}

export const outputOf = ({ steps }: StocksRun, step: string, output: string): string =>
  steps.find(({ name }) => name === step)?.outputs.find(({ name }) => name === output)?.digest as string

/** The model packages, by stock. */
export const packagesOf = (run: StocksRun): Record<string, string> =>
  Object.fromEntries(stockNames.map((name) => [name, outputOf(run, `${name}/package`, 'package')]))

/** The steps that were not reused. */
export const ranIn = ({ steps }: StocksRun): string[] =>
  steps
    .filter(({ cached }) => !cached)
    .map(({ name }) => name)
    .sort()

/** The rows of a table, in the order of the month that they are about. */
export async function rowsIn(store: Store, digest: string): Promise<Record<string, unknown>[]> {
  const table = await localTable(store, digest)
  const paths = (table.files as { path: string }[]).map(({ path }) => text(path))
  return withDuckDb(1, (connection) => rowsOf(connection, `FROM read_parquet([${paths}]) ORDER BY closed`))
}
