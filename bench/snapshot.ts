import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { DeleteObjectCommand } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { MockActivityEnvironment } from '@temporalio/testing'
import type { ActivityDeps } from '../activities/step.ts'
import { takeSnapshot } from '../activities/take-snapshot.ts'
import { hostVersions, packageRoot } from '../lib/code/host.ts'
import { rowsOf, text, withDuckDb } from '../lib/data/duckdb.ts'
import type { StepOf } from '../lib/formats/plan.ts'
import type { StepOutcome } from '../lib/formats/step-inputs.ts'
import { openSources } from '../lib/sources/open-sources.ts'
import { findSource, takeSource } from '../lib/sources/take.ts'
import { listKeys } from '../lib/store/documents.ts'
import type { Store } from '../lib/store/store.ts'
import { startTestStore } from '../test/support/servers.ts'
import { type Figure, median } from './measure.ts'

const flights = join(packageRoot, 'node_modules/vega-datasets/data/flights-3m.parquet')
/** Files of 88 MB: 1.06 GB. */
const files = 12
const rounds = 3
const required = { nullable: false } as const
const schema: StepOf<'snapshot'>['schema'] = [
  { name: 'date', type: 'timestamp', ...required },
  { name: 'delay', type: 'integer', ...required },
  { name: 'distance', type: 'integer', ...required },
  { name: 'origin', type: 'string', ...required },
  { name: 'destination', type: 'string', ...required },
  { name: 'fare', type: 'number', ...required },
  { name: 'wind', type: 'number', ...required },
  { name: 'fuel', type: 'number', ...required },
]

/**
 * A snapshot of 1 GB of parquet, as a run takes it: found, hashed and stored by the command line, then read and
 * profiled by a worker's step, against the same by hand: sha256, the SDK's upload and SUMMARIZE side by side. Then once
 * more with nothing changed.
 */
export async function measureSnapshot(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-snapshot-'))
  const server = await startTestStore()
  const { store } = server
  try {
    await writeFlights(join(folder, 'flights'))
    // A file that changed just now is not remembered: the next change might leave its times as they are.
    await setTimeout(3_000)
    const times = { ours: [] as number[], again: [] as number[], theirs: [] as number[] }
    const timed = async (into: number[], work: () => Promise<unknown>): Promise<void> => {
      const start = performance.now()
      await work()
      into.push((performance.now() - start) / 1_000)
    }
    const take = async (isFirst: boolean): Promise<void> => {
      const { cached } = await snapshotOf(store, folder)
      if (cached === isFirst) throw new Error(`the snapshot was ${cached ? 'found' : 'made'}`)
    }
    for (let round = 0; round < rounds; round++) {
      await empty(store)
      await timed(times.ours, () => take(true))
      await timed(times.again, () => take(false))
      await empty(store)
      await timed(times.theirs, () => byHand(store, join(folder, 'flights')))
    }
    const [ours, again, theirs] = [times.ours, times.again, times.theirs].map(median) as [number, number, number]
    const seconds = (time: number): string => `${time.toFixed(2)} s`
    return [
      {
        what: 'a snapshot of 1 GB, profile included: speed against sha256, upload and SUMMARIZE by hand, side by side',
        ours: seconds(ours),
        theirs: seconds(theirs),
        ratio: theirs / ours,
        limit: 0.85,
        bound: 'at least',
      },
      {
        what: 'the same snapshot again, nothing changed, against all that by hand',
        ours: seconds(again),
        theirs: seconds(theirs),
        ratio: again / theirs,
        limit: 0.05,
      },
    ]
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** 3,000,000 flights a file, with three measurements that no compression makes small. */
async function writeFlights(folder: string): Promise<void> {
  mkdirSync(folder)
  await withDuckDb(2, async (connection) => {
    for (let i = 0; i < files; i++) {
      const measured = (what: string): string =>
        `(hash(file_row_number, ${i}, ${text(what)}) / 18446744073709551616.0)::DOUBLE AS ${what}`
      await connection.run(
        `COPY (SELECT date, delay, distance, origin, destination, ${['fare', 'wind', 'fuel'].map(measured).join(', ')}
          FROM read_parquet(${text(flights)}, file_row_number = true)) TO ${text(join(folder, `${i}.parquet`))} (FORMAT parquet)`,
      )
    }
  })
}

/** What a run does: the command line's part, and the step of a worker on the same machine. */
async function snapshotOf(store: Store, folder: string): Promise<StepOutcome> {
  const step = { id: 'flights', kind: 'snapshot', from: 'flights/', format: 'parquet', schema } as const
  const found = await findSource(openSources(store, { root: folder, confined: false }), step)
  const source = await takeSource(store, found, 'parquet')
  const deps = { store, host: hostVersions(), scratch: folder } as Pick<ActivityDeps, 'store' | 'host' | 'scratch'>
  const order = { run: randomUUID(), step, inputs: {}, source }
  const activity = (): Promise<StepOutcome> => takeSnapshot(deps as ActivityDeps, order)
  return (await new MockActivityEnvironment().run(activity)) as StepOutcome
}

async function byHand({ client, bucket }: Store, folder: string): Promise<void> {
  const paths = readdirSync(folder).map((file) => join(folder, file))
  await Promise.all([
    Promise.all(paths.map(sha256)),
    Promise.all(
      paths.map((path) =>
        new Upload({ client, params: { Bucket: bucket, Key: basename(path), Body: createReadStream(path) } }).done(),
      ),
    ),
    withDuckDb(2, (connection) => rowsOf(connection, `SUMMARIZE FROM read_parquet(${text(join(folder, '*'))})`)),
  ])
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk)
  return hash.digest('hex')
}

/** Takes all that is in the bucket and the local cache away. */
async function empty(store: Store): Promise<void> {
  for (const Key of await listKeys(store, ''))
    await store.client.send(new DeleteObjectCommand({ Bucket: store.bucket, Key }))
  rmSync(store.cacheFolder, { recursive: true, force: true })
}
