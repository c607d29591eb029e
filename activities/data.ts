import { writeFile } from 'node:fs/promises'
import { join, normalize } from 'node:path'
import { checkContract, separateRows } from '../lib/data/contract.ts'
import { withDuckDb } from '../lib/data/duckdb.ts'
import { inspect } from '../lib/data/inspect.ts'
import { dialectOf, FileFacts, localTable } from '../lib/data/local-table.ts'
import { parts, splitTable } from '../lib/data/split.ts'
import type { LocalTable } from '../lib/data/table.ts'
import type { TableFile } from '../lib/data/table-file.ts'
import { mediaTypes, type Output, shortDigest } from '../lib/formats/artifact.ts'
import { brief } from '../lib/formats/brief.ts'
import { canonicalJson } from '../lib/formats/canonical.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import { SourceContents } from '../lib/formats/source-contents.ts'
import type { StepOutcome } from '../lib/formats/step-inputs.ts'
import { fixedPart } from '../lib/sources/patterns.ts'
import { contentOf, mediaTypeOf } from '../lib/sources/take.ts'
import { notableIn } from '../lib/stats/profile-summary.ts'
import { getBundle, getJson, hasBlob, localFile, putBundle, putJson } from '../lib/store/objects.ts'
import { type ActivityDeps, required, runActivity, runStep, type StepOrder } from './step.ts'

/** How messages call a source: as its definition does, or by its files where a run was given others. */
function whatWasRead(files: readonly { readonly name?: string | undefined }[], from: string): string {
  const names = files.flatMap(({ name }) => name ?? [])
  const [first] = names
  if (first === undefined || names.every((each) => each.startsWith(normalize(fixedPart(from))))) return from
  return names.length === 1 ? first : `${first} and ${names.length - 1} more files`
}

/** The digest of the list of a source's files (`lib/formats/source-contents.ts`), and a snapshot to use instead. */
export interface SnapshotOrder extends StepOrder<'snapshot'> {
  readonly source: string
  readonly use?: string | undefined
}

/** The steps that turn a source into checked, divided tables. */
export function createDataActivities(deps: ActivityDeps) {
  const { store } = deps
  return {
    /** Makes a snapshot of a source's files, which lie in the store already: counts, profiles, names them together. */
    async snapshotSource(order: SnapshotOrder): Promise<StepOutcome> {
      const { source } = order
      if (order.use !== undefined) return reuseSnapshot(order.use)
      const contents = await runActivity(order.step.id, async () => getJson(store, source, SourceContents))
      return runStep(
        deps,
        order,
        async ({ step, folder, job, progress }) => {
          progress('fetching the files', 0)
          const files: TableFile[] = []
          const facts = contents.map(({ digest: _, size: __, ...file }) => FileFacts.parse(file))
          for (const [i, { digest }] of contents.entries())
            files.push({ ...(facts[i] as Omit<TableFile, 'path'>), path: await localFile(store, digest) })
          progress('reading and profiling', 0.5)
          const table = { files, format: step.format, dialect: dialectOf(step), schema: step.schema }
          const rows = await withDuckDb(2, (connection) => inspect(connection, table, whatWasRead(facts, step.from)))
          const read = await job('profileFiles', { table: { ...table, rows }, folder })
          const profile = await putJson(store, read)
          const data = contents.map(({ digest, size }, i) => [
            `data/${String(i).padStart(5, '0')}`,
            { digest, size, mediaType: mediaTypeOf[step.format] },
          ])
          const bundle = await putBundle(store, {
            slipway: 'bundle/1',
            kind: 'snapshot',
            files: { 'profile.json': profile, ...Object.fromEntries(data) },
            facts: {
              format: step.format,
              ...(step.delimiter === undefined ? {} : { delimiter: step.delimiter }),
              ...(step.header === undefined ? {} : { header: step.header }),
              rows,
              schema: step.schema as never,
              files: facts as never,
            },
          })
          return {
            outputs: [
              { ...bundle, name: 'table' },
              { ...profile, name: 'profile' },
            ],
            facts: {
              rows,
              files: files.length,
              bytes: contents.reduce((sum, { size }) => sum + size, 0),
              read: notableIn(read),
            },
          }
        },
        { content: contentOf(contents) },
      )
    },

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

  async function reuseSnapshot(digest: string): Promise<StepOutcome> {
    return runActivity('snapshot', async () => {
      const bundle = await getBundle(store, digest, 'snapshot')
      for (const file of Object.values(bundle.files)) {
        if (!(await hasBlob(store, file)))
          throw new SlipwayError('OBJECT_MISSING', `snapshot ${digest} is not whole: ${file.digest} is missing`)
      }
      const outputs: Output[] = [
        {
          name: 'table',
          digest: digest as Output['digest'],
          mediaType: mediaTypes.bundle,
          size: Buffer.byteLength(canonicalJson(bundle)),
        },
      ]
      return {
        stepKey: digest.slice('sha256:'.length),
        cached: true,
        outputs,
        facts: { rows: bundle.facts.rows, reused: true },
      }
    })
  }
}
