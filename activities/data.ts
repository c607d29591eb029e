import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { checkContract, separateRows } from '../lib/data/contract.ts'
import { withDuckDb } from '../lib/data/duckdb.ts'
import { localTable } from '../lib/data/local-table.ts'
import { parts, splitTable } from '../lib/data/split.ts'
import type { LocalTable } from '../lib/data/table.ts'
import { mediaTypes, type Output, shortDigest } from '../lib/formats/artifact.ts'
import type { Cutoff } from '../lib/formats/backtest-report.ts'
import { brief } from '../lib/formats/brief.ts'
import { canonicalJson } from '../lib/formats/canonical.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { StepOutcome } from '../lib/formats/step-inputs.ts'
import { putBundle } from '../lib/store/objects.ts'
import { type ActivityDeps, required, runStep, type StepOrder } from './step.ts'
import { type SnapshotOrder, takeSnapshot } from './take-snapshot.ts'

/** The steps that turn a source into checked, divided tables. */
export function createDataActivities(deps: ActivityDeps) {
  const { store } = deps
  return {
    /** Makes a snapshot of a source's files, which lie in the store already, or takes one that is there. */
    snapshotSource: (order: SnapshotOrder): Promise<StepOutcome> => takeSnapshot(deps, order),

    /** Checks every row; bad ones are set aside. Too many, or a column too empty, ends the run. */
    async validateTable(order: StepOrder<'validate'>): Promise<StepOutcome> {
      return runStep(deps, order, async ({ step, folder, progress, output }) => {
        const source = required(order.inputs, 'table')
        const table = await localTable(store, source.digest)
        progress(`checking ${table.rows} rows`, 0.1)
        const report = await withDuckDb(2, (connection) => checkContract(connection, table, step))
        await writeFile(join(folder, 'report.json'), canonicalJson(report))
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
          throw new SlipwayError('DATA_CONTRACT', report.verdict, {
            next: `mend the source or the limits of p.validate; bad rows: slipway show ${shortDigest((outputs[1] ?? outputs[0])?.digest ?? '')}`,
          })
        }
        const kept = hasBad
          ? await putTable(await output('data', 'kept.parquet', mediaTypes.parquet), table, rows)
          : { name: 'table', ...source }
        return {
          outputs: [kept, ...outputs],
          facts: { rows, badRows: table.rows - rows, verdict: brief(report.verdict, 1_000) },
        }
      })
    },

    /** Cuts a table into its three parts. */
    async splitIntoParts(order: StepOrder<'split'>): Promise<StepOutcome> {
      return runStep(deps, order, async ({ step, folder, progress, output }) => {
        const table = await localTable(store, required(order.inputs, 'table').digest)
        progress('splitting', 0.1)
        const rows = await withDuckDb(1, (connection) =>
          splitTable(connection, table, step.rule, (part) => join(folder, `${part}.parquet`)),
        )
        progress('storing', 0.8)
        const outputs: Output[] = []
        for (const part of parts)
          outputs.push({
            ...(await putTable(await output(part, `${part}.parquet`, mediaTypes.parquet), table, rows[part])),
            name: part,
          })
        if (rows.cutoff !== undefined) {
          const { train, validation, test } = rows
          const cutoff: Cutoff = { slipway: 'cutoff/1', at: rows.cutoff, rows: { train, validation, test } }
          await writeFile(join(folder, 'cutoff.json'), canonicalJson(cutoff))
          outputs.push(await output('cutoff', 'cutoff.json', mediaTypes.json))
        }
        return { outputs, facts: rows }
      })
    },
  }

  async function putTable(data: Output, { schema }: LocalTable, rows: number): Promise<Output> {
    const { digest, mediaType, size } = data
    const bundle = await putBundle(store, {
      slipway: 'bundle/1',
      kind: 'table',
      files: { 'data/00000': { digest, mediaType, size } },
      facts: { format: 'parquet', rows, schema: schema as never },
    })
    return { name: 'table', ...bundle }
  }
}
