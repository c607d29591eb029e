import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Checked, ContractReport, checkContract, separateRows } from '../../data/contract.ts'
import { withDuckDb } from '../../data/duckdb.ts'
import { localTable } from '../../data/local-table.ts'
import { parts, splitTable } from '../../data/split.ts'
import type { LocalTable } from '../../data/table.ts'
import { mediaTypes, type Output, shortDigest } from '../../formats/artifact.ts'
import type { Cutoff } from '../../formats/backtest-report.ts'
import { brief } from '../../formats/brief.ts'
import { canonicalJson } from '../../formats/canonical.ts'
import { type Cell, SlipwayError } from '../../formats/errors.ts'
import { required, type StepInputs } from '../../formats/step-inputs.ts'
import { putBundle } from '../../store/objects.ts'
import type { Store } from '../../store/store.ts'
import type { StepResult, WorkOn } from '../step-work.ts'

/** Checks every row; bad ones are set aside. Too many, or a column too empty, ends the run. */
export async function validateTable(
  store: Store,
  { step, folder, progress, output }: WorkOn<'validate'>,
  inputs: StepInputs,
): Promise<StepResult> {
  const source = required(inputs, 'table')
  const table = await localTable(store, source.digest)
  progress(`checking ${table.rows} rows`, 0.1)
  const report = await withDuckDb(2, (connection) => checkContract(connection, table, step))
  await writeFile(join(folder, 'report.json'), canonicalJson(ContractReport.parse(report)))
  const outputs: Output[] = [await output('report', 'report.json', mediaTypes.json)]
  const hasBad = report.findings.length > 0
  let rows = table.rows
  if (hasBad) {
    progress('setting bad rows aside', 0.5)
    rows = await withDuckDb(1, (connection) =>
      separateRows(connection, table, step, join(folder, 'kept.parquet'), join(folder, 'quarantine.parquet')),
    )
    outputs.push(await output('quarantine', 'quarantine.parquet', mediaTypes.parquet))
  }
  if (!report.passed) {
    const { worst } = report
    const quarantine = outputs[1]?.digest
    throw new SlipwayError('DATA_CONTRACT', report.verdict, {
      inFull: report.inFull,
      ...(worst !== undefined &&
        quarantine !== undefined &&
        worst.column !== '' && { cell: cellOf(worst, quarantine) }),
      next: `mend the source or the limits of p.validate; bad rows: slipway show ${shortDigest((outputs[1] ?? outputs[0])?.digest ?? '')}`,
    })
  }
  const kept = hasBad
    ? await putTable(store, await output('data', 'kept.parquet', mediaTypes.parquet), table, rows)
    : { name: 'table', ...source }
  return {
    outputs: [kept, ...outputs],
    facts: { rows, badRows: table.rows - rows, verdict: brief(report.verdict, 1_000) },
  }
}

/** Where the value is that a finding is about. */
const cellOf = ({ column, file, firstRow }: NonNullable<Checked['worst']>, table: string): Cell => ({
  table,
  ...(file !== undefined && { file }),
  row: firstRow ?? 0,
  column,
})

/** Cuts a table into its three parts. */
export async function splitIntoParts(
  store: Store,
  { step, folder, progress, output }: WorkOn<'split'>,
  inputs: StepInputs,
): Promise<StepResult> {
  const table = await localTable(store, required(inputs, 'table').digest)
  progress('splitting', 0.1)
  const rows = await withDuckDb(1, (connection) =>
    splitTable(connection, table, step.rule, (part) => join(folder, `${part}.parquet`)),
  )
  progress('storing', 0.8)
  const outputs: Output[] = []
  for (const part of parts)
    outputs.push({
      ...(await putTable(store, await output(part, `${part}.parquet`, mediaTypes.parquet), table, rows[part])),
      name: part,
    })
  if (rows.cutoff !== undefined) {
    const { train, validation, test } = rows
    const cutoff: Cutoff = { slipway: 'cutoff/1', at: rows.cutoff, rows: { train, validation, test } }
    await writeFile(join(folder, 'cutoff.json'), canonicalJson(cutoff))
    outputs.push(await output('cutoff', 'cutoff.json', mediaTypes.json))
  }
  return { outputs, facts: rows }
}

async function putTable(store: Store, data: Output, { schema }: LocalTable, rows: number): Promise<Output> {
  const { digest, mediaType, size } = data
  const bundle = await putBundle(store, {
    slipway: 'bundle/1',
    kind: 'table',
    files: { 'data/00000': { digest, mediaType, size } },
    facts: { format: 'parquet', rows, schema: schema as never },
  })
  return { name: 'table', ...bundle }
}
