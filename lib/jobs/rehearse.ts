import { join } from 'node:path'
import { loadFunction } from '../code/load.ts'
import { type Features, isNumbers, requireChunkInvariance, runFeatures, sliceColumns } from '../code/run-features.ts'
import { labelsOfRows, runClasses } from '../code/run-target.ts'
import { readColumns } from '../data/columns.ts'
import { type Checked, checkContract, separateRows } from '../data/contract.ts'
import { checkQuery } from '../data/derive.ts'
import { withDuckDb } from '../data/duckdb.ts'
import { type Head, readHead } from '../data/head.ts'
import type { LocalTable } from '../data/table.ts'
import { targetOutputs } from '../formats/code-ref.ts'
import type { Column } from '../formats/columns.ts'
import { SlipwayError, withoutFull } from '../formats/errors.ts'
import type { OnnxLearner } from '../formats/learner.ts'
import type { StepOf } from '../formats/plan.ts'
import { hasMaskedColumn } from '../formats/row-schema.ts'
import { byDefinition } from '../learners/finished/brought.ts'
import type { KnownFeature } from '../learners/finished/feeds.ts'
import { openFinished } from '../learners/finished/open.ts'
import type { Rehearsal, RehearsalOrder, RehearsedSource } from './rehearsal.ts'

/** Rows that functions are tried on. */
const triedRows = 64

/**
 * Tries the SQL of tables on empty ones, and does with the first rows of the sources what a run would do with all:
 * looks at the columns, applies the contract, and runs the user's functions and finished models on what keeps it.
 * @param onCode called before the first query or function runs: from then on it is the user's time
 * @throws SlipwayError what the run would end with
 */
export async function rehearse(
  { queries, sources, code, models = new Map(), folder }: RehearsalOrder,
  onCode: () => void,
): Promise<Rehearsal[]> {
  const done: Rehearsal[] = []
  if (queries.length > 0) onCode()
  for (const { query, tables } of queries) await checkQuery(query, tables)
  for (const [i, source] of sources.entries()) {
    const { columns, ...seen } = await withDuckDb(1, (connection) =>
      firstRows(connection, source, join(folder, `kept-${i}.parquet`), join(folder, `broken-${i}.parquet`)),
    )
    if (seen.tried > 0) {
      onCode()
      try {
        for (const step of source.trains) {
          const features = tryFunctions(step, columns, code)
          if (step.learner.kind === 'onnx') await tryModel(step, step.learner, features, models)
        }
      } catch (error) {
        throw hasMaskedColumn(source.table.schema) ? withoutFull(error) : error
      }
    }
    done.push({ from: source.from, ...seen })
  }
  return done
}

async function firstRows(
  connection: Parameters<typeof readHead>[0],
  { from, table, isPart, maxBadRows }: RehearsedSource,
  keptFile: string,
  brokenFile: string,
): Promise<Omit<Rehearsal, 'from'> & { columns: Record<string, Column> }> {
  const head = await readHead(connection, table, from, isPart)
  if (head.rows === 0) return { read: 0, broken: 0, tried: 0, columns: {} }
  const rules = { maxBadRows: 1, completeness: {}, unique: [] }
  const report = await checkContract(connection, head, rules)
  if (maxBadRows !== null && maxBadRows < 1) requireTypes(report, head, from)
  let good: LocalTable = head
  if (report.badRows > 0) {
    const rows = await separateRows(connection, head, rules, keptFile, brokenFile)
    good = { files: [keptFile], format: 'parquet', schema: head.schema, rows }
  }
  const seen = { read: head.rows, broken: report.badRows, tried: Math.min(good.rows, triedRows) }
  if (good.rows === 0) return { ...seen, columns: {} }
  for await (const columns of readColumns(connection, good, head.schema))
    return { ...seen, columns: sliceColumns(columns, 0, triedRows) }
  return { ...seen, tried: 0, columns: {} }
}

/** A column of text whose every value is no value of its type is a mistake in the schema, not in some rows. */
function requireTypes({ findings }: Checked, head: Head, from: string): void {
  const wrong = findings.find(({ rule, rows }) => rule.startsWith('type ') && rows === head.rows)
  if (wrong === undefined) return
  const { column, rule, example } = wrong
  const what = `column "${column}" of ${from} is no ${rule.slice('type '.length)} in any of the first ${head.rows} rows`
  throw new SlipwayError('DATA_CONTRACT', what, {
    column,
    inFull: example === null ? undefined : `${what}: row 1 holds ${JSON.stringify(example)}`,
    next: 'correct the schema, or the file',
  })
}

function tryFunctions(
  step: StepOf<'train'>,
  columns: Readonly<Record<string, Column>>,
  code: Readonly<Record<string, string>>,
): Features {
  const load = (digest: string) => loadFunction(code[digest] as string, digest)
  const inputs = Object.fromEntries(step.inputs.map(({ name }) => [name, columns[name] as Column]))
  const features = load(step.features.digest)
  const made = runFeatures(features, step.features.name, inputs, 1, () => true)
  requireChunkInvariance(features, step.features.name, inputs)
  const { column, code: target } = step.target
  const toLabels = target && load(target.digest)
  if (step.task === 'multiclass') runClasses(toLabels, column, columns[column] as Column)
  else labelsOfRows(step.target, columns, { code: toLabels, task: step.task })
  return made
}

/** Scores the first rows with a finished model. @throws SlipwayError MODEL_INVALID where the features do not fit it */
async function tryModel(
  { task, target }: StepOf<'train'>,
  learner: OnnxLearner,
  features: Features,
  models: ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  const known = Object.entries(features).map(
    ([name, values]): KnownFeature => ({
      name,
      kind: isNumbers(values) ? 'number' : 'category',
    }),
  )
  const model = await openFinished(
    byDefinition(learner),
    { task, outputs: targetOutputs(target) },
    models.get(learner.model ?? '') as Uint8Array,
    known,
  )
  await model.predict(features).finally(() => model.release())
}
