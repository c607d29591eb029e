import { join } from 'node:path'
import { localCode } from '../../code/local-code.ts'
import { deriveTable as deriveBySql } from '../../data/derive.ts'
import { withDuckDb } from '../../data/duckdb.ts'
import { joinInTime } from '../../data/join-in-time.ts'
import { localTable } from '../../data/local-table.ts'
import type { LocalTable } from '../../data/table.ts'
import { mediaTypes, type Output } from '../../formats/artifact.ts'
import type { CodeRef, StepOf } from '../../formats/plan.ts'
import type { RowSchema } from '../../formats/row-schema.ts'
import { required, type StepInputs } from '../../formats/step-inputs.ts'
import { nameOfStep } from '../../formats/step-names.ts'
import type { PackageSource } from '../../models/package.ts'
import { notableIn } from '../../stats/profile-summary.ts'
import { localFile, putBundle, putJson } from '../../store/objects.ts'
import type { Store } from '../../store/store.ts'
import type { LocalInput, OwnStepMade } from '../run-code.ts'
import type { StepResult, StepWork, WorkOn } from '../step-work.ts'
import { runStepProgram } from './step-program.ts'

/** The file of a table in the folder of its step. */
const madeFile = 'made.parquet'

/** Makes a table by SQL or by a function of the user. */
export async function deriveTable(
  source: PackageSource,
  work: WorkOn<'table'>,
  inputs: StepInputs,
): Promise<StepResult> {
  const { store } = source
  const { step, progress } = work
  progress('fetching tables', 0)
  const tables = await tablesOf(store, inputs)
  const rows = await (step.run === undefined ? bySql(step, tables, work) : byCode(source, step, step.run, tables, work))
  return asStored(store, work, step.schema, rows)
}

/** Joins two tables in time. */
export async function joinTables(
  { store }: PackageSource,
  work: WorkOn<'join'>,
  inputs: StepInputs,
): Promise<StepResult> {
  const { step, folder, progress, signal } = work
  progress('fetching tables', 0)
  const { left, right } = (await tablesOf(store, inputs)) as { left: LocalTable; right: LocalTable }
  progress(`joining ${left.rows} rows with ${right.rows}`, 0.1)
  const file = join(folder, madeFile)
  const { rows, matched } = await withDuckDb(2, (connection) =>
    joinInTime(connection, left, right, step, { file, signal }),
  )
  const { outputs, facts } = await asStored(store, work, step.schema, rows)
  return { outputs, facts: { ...facts, matched } }
}

/** Runs a function or a program of the user over artifacts. */
export async function runOwnStep(source: PackageSource, work: WorkOn<'step'>, inputs: StepInputs): Promise<StepResult> {
  const { store } = source
  const { step, progress, output } = work
  progress('fetching inputs', 0)
  const local: Record<string, LocalInput> = {}
  for (const [name, { digest, mediaType }] of Object.entries(inputs))
    local[name] =
      mediaType === mediaTypes.bundle
        ? { table: await localTable(store, digest) }
        : { file: await localFile(store, digest), mediaType }
  const { outputs: declared, program } = step
  const made =
    program === undefined
      ? { ...(await byFunction(source, work, local)), logs: [] }
      : await runStepProgram(source, work, program, local)
  const outputs: Output[] = [...made.logs]
  for (const [called, { file, rows = 0 }] of Object.entries(made.outputs)) {
    const rule = declared[called] as (typeof declared)[string]
    if ('mediaType' in rule) outputs.push(await output(called, file, rule.mediaType))
    else
      outputs.push({
        ...(await putDerived(store, work, { schema: rule.schema, rows, file })).table,
        name: called,
      })
  }
  return { outputs, facts: { ...made.facts, summary: madeInWords(made.outputs) } }
}

async function byFunction(
  source: PackageSource,
  { step, folder, job }: WorkOn<'step'>,
  inputs: Readonly<Record<string, LocalInput>>,
): Promise<OwnStepMade> {
  const { run, outputs } = step
  if (run === undefined) throw new Error('the plan says neither a function nor a program')
  const code = await localCode(source, run)
  return job('runOwnStep', { name: nameOfStep(step), code, host: run.host, inputs, outputs, folder })
}

async function tablesOf(store: Store, inputs: StepInputs): Promise<Record<string, LocalTable>> {
  const tables: Record<string, LocalTable> = {}
  for (const name of Object.keys(inputs)) tables[name] = await localTable(store, required(inputs, name).digest)
  return tables
}

function bySql(
  step: StepOf<'table'>,
  tables: Readonly<Record<string, LocalTable>>,
  { folder, progress, signal }: StepWork,
): Promise<number> {
  progress('running the SQL', 0.1)
  const { sql = '', schema } = step
  return deriveBySql({ name: nameOfStep(step), sql, schema }, tables, {
    folder,
    file: join(folder, madeFile),
    signal,
  })
}

async function byCode(
  source: PackageSource,
  step: StepOf<'table'>,
  run: CodeRef,
  tables: Readonly<Record<string, LocalTable>>,
  { folder, job }: StepWork,
): Promise<number> {
  const code = await localCode(source, run)
  const { order, schema } = step
  const file = join(folder, madeFile)
  return job('runTable', { name: nameOfStep(step), code, host: run.host, tables, order, schema, file })
}

async function asStored(store: Store, work: StepWork, schema: RowSchema, rows: number) {
  const { table, profile, read } = await putDerived(store, work, { schema, rows, file: madeFile })
  const outputs: Output[] = [
    { ...table, name: 'table' },
    { ...profile, name: 'profile' },
  ]
  return { outputs, facts: { rows, read } }
}

/** Stores a table that was made, with the profile of its columns, as that of a snapshot has. */
async function putDerived(
  store: Store,
  { folder, job, output, progress }: StepWork,
  { schema, rows, file }: { readonly schema: RowSchema; readonly rows: number; readonly file: string },
) {
  progress('profiling and storing', 0.8)
  const table = { files: [join(folder, file)], format: 'parquet', schema, rows } as const
  const read = await job('profileFiles', { table, folder })
  const profile = await putJson(store, read)
  const { digest, mediaType, size } = await output('data', file, mediaTypes.parquet)
  const bundle = await putBundle(store, {
    slipway: 'bundle/1',
    kind: 'table',
    files: { 'profile.json': profile, 'data/00000': { digest, mediaType, size } },
    facts: { format: 'parquet', rows, schema: schema as never },
  })
  return { table: bundle, profile, read: notableIn(read) }
}

/** `daily: 1,461 rows; report` */
function madeInWords(outputs: Readonly<Record<string, { readonly rows?: number }>>): string {
  return Object.entries(outputs)
    .map(([name, { rows }]) => (rows === undefined ? name : `${name}: ${rows.toLocaleString('en-US')} rows`))
    .join('; ')
}
