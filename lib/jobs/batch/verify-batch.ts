import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { withDuckDb } from '../../data/duckdb.ts'
import { countRows } from '../../data/write-parts.ts'
import { shortDigest } from '../../formats/artifact.ts'
import { type BatchFile, BatchManifest, BatchPlan, type BatchRecord, type Part } from '../../formats/batch-records.ts'
import { SlipwayError } from '../../formats/errors.ts'
import type { PackageSource } from '../../models/package.ts'
import { fetchInput } from '../../sources/inputs.ts'
import { digestOfFile } from '../../store/digest.ts'
import { merkleRoot } from '../../store/merkle.ts'
import { getJson, localFile } from '../../store/objects.ts'
import { type OutputFolder, outputFiles } from '../../store/outputs.ts'
import { requireSigned } from '../../store/signing.ts'
import { scoreShard } from './score-shard.ts'
import { shardOrder } from './shard-order.ts'

/** One thing that was looked at. */
export interface Verification {
  readonly check: string
  readonly passed: boolean
  /** What was found, in words. */
  readonly evidence: string
}

/** Shards that are scored again. */
const sampled = 2

/**
 * Makes sure that a published batch is what its record says: manifest, signature, root, sums, every file's bytes and
 * rows, the output folder if it can be seen from here, and some shards scored anew to the same bytes.
 * @param folder of the output; undefined where it cannot be looked into
 * @param scratch folder for what is scored anew
 */
export async function verifyBatch(
  source: PackageSource,
  record: BatchRecord,
  folder: OutputFolder | undefined,
  scratch: string,
  onProgress: (what: string, done: number) => void,
): Promise<Verification[]> {
  const { store, trusted } = source
  const results: Verification[] = []
  const check = async (name: string, look: () => Promise<string>): Promise<void> => {
    try {
      results.push({ check: name, passed: true, evidence: await look() })
    } catch (error) {
      if (error instanceof SlipwayError && error.retryable) throw error
      results.push({ check: name, passed: false, evidence: (error as Error).message })
    }
  }
  const manifest = await getJson(store, record.manifest.digest, BatchManifest)
  const files = [...manifest.parts, ...manifest.quarantine]
  if (trusted.size > 0)
    await check(
      'signature',
      async () => `by key ${await requireSigned(store, trusted, 'batch', record.manifest.digest)}`,
    )
  await check('merkle root', async () => {
    const root = merkleRoot(files)
    if (root !== manifest.merkleRoot)
      throw new Error(`${shortDigest(root)}, the manifest says ${shortDigest(manifest.merkleRoot)}`)
    return shortDigest(root)
  })
  await check('sums', async () => sumsOf(manifest))
  await check('files', async () => {
    for (const [i, part] of files.entries()) {
      onProgress(`reading ${part.path}`, i / files.length)
      await requireRows(await localFile(store, part.digest), part)
    }
    return `${files.length} files with the bytes and rows that the manifest says`
  })
  if (folder !== undefined) await check('output folder', () => lookInto(folder, manifest))
  const plan = await getJson(store, manifest.plan.digest, BatchPlan)
  for (const number of sampleOf(manifest)) {
    await check(`shard ${number} scored anew`, async () => {
      onProgress(`scoring shard ${number} anew`, 0)
      const own = join(scratch, String(number))
      await mkdir(own, { recursive: true })
      const file = plan.inputs[plan.shards[number]?.file ?? 0] as BatchFile
      const { path } = await fetchInput(store, file)
      const order = await shardOrder(source, plan, number, path, own)
      const { parts, scored } = await scoreShard(order, () => {})
      const expected = manifest.parts.filter(({ shard }) => shard === number).map(({ digest }) => digest)
      const found = await Promise.all(parts.map(async ({ file }) => (await digestOfFile(join(own, file))).digest))
      if (found.join() !== expected.join())
        throw new Error(
          `its ${scored} rows come out as other bytes: ${found.map(shortDigest).join(', ')}, not ${expected.map(shortDigest).join(', ')}`,
        )
      return `its ${scored} rows come out as the same bytes`
    })
  }
  return results
}

function sumsOf({ rows, parts, quarantine }: BatchManifest): string {
  const count = (some: readonly Part[]): number => some.reduce((sum, part) => sum + part.rows, 0)
  const { read, scored, quarantined } = rows
  if (scored + quarantined !== read || count(parts) !== scored || count(quarantine) !== quarantined)
    throw new Error(
      `${read} read, ${scored} scored, ${quarantined} set aside; ${count(parts)} and ${count(quarantine)} in the files`,
    )
  return `${scored} scored and ${quarantined} set aside of ${read} read`
}

async function requireRows(path: string, { path: name, rows }: Part): Promise<void> {
  const format = name.endsWith('.csv') ? 'csv' : 'parquet'
  const found = await withDuckDb(1, (connection) => countRows(connection, path, format))
  if (found !== rows) throw new Error(`${name} has ${found} rows, the manifest says ${rows}`)
}

async function lookInto(folder: OutputFolder, manifest: BatchManifest): Promise<string> {
  const names = new Set(await folder.list())
  if (!names.has(outputFiles.success))
    throw new Error(`${folder.address} has no ${outputFiles.success}: it is not whole`)
  for (const { path, digest } of manifest.parts) {
    if (!names.has(path)) throw new Error(`${folder.address} lacks ${path}`)
    const found = await folder.digestOf(path)
    if (found !== digest) throw new Error(`${path} in ${folder.address} holds other bytes: ${shortDigest(found)}`)
  }
  const known = new Set<string>([...manifest.parts.map(({ path }) => path), ...Object.values(outputFiles)])
  const stranger = [...names].find((name) => !known.has(name))
  if (stranger !== undefined) throw new Error(`${folder.address} holds ${stranger}, which does not belong to it`)
  return `${manifest.parts.length} parts in ${folder.address}`
}

/**
 * Shards spread over the batch, drawn by the manifest's own root: nobody chose them, and they are the same for
 * everybody.
 */
function sampleOf({ parts, merkleRoot: root }: BatchManifest): number[] {
  const shards = [...new Set(parts.map(({ shard }) => shard))]
  const start = Number.parseInt(root.slice(7, 15), 16)
  const count = Math.min(sampled, shards.length)
  return Array.from(
    { length: count },
    (_, i) => shards[(start + Math.floor((i * shards.length) / count)) % shards.length] as number,
  )
}
