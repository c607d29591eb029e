import { readFileSync } from 'node:fs'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import type { CompiledInput } from '../lib/compiler/compiled-model.ts'
import { withDuckDb } from '../lib/data/duckdb.ts'
import { goodRows, openShard } from '../lib/data/shard.ts'
import type { Shard } from '../lib/formats/batch-records.ts'
import { textsForOnnx } from '../lib/formats/texts-for-onnx.ts'
import type { GraphInputs } from '../lib/models/graph-inputs.ts'
import { type LocalModel, loadModel } from '../lib/models/model.ts'

/*
 * What ONNX Runtime alone takes for the features of one shard, made before, at its best batch size and number of
 * threads: batch-bare.ts <order.json>. Prints seconds a million rows.
 */
const {
  model: local,
  file,
  shards,
} = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as {
  model: LocalModel
  file: string
  shards: Shard[]
}
const model = await loadModel(local)
const { facts } = model
const [shard] = shards as [Shard]
const rows = (shard.to as number) - shard.from
const made: GraphInputs[] = await withDuckDb(1, async (connection) => {
  const source = {
    table: { files: [file], format: 'parquet' as const, schema: facts.inputs, rows: 0, range: { from: 0, to: rows } },
    from: file,
    expected: rows,
    keep: [],
    duplicates: undefined,
  }
  const chunks: GraphInputs[] = []
  for await (const chunk of goodRows(connection, await openShard(connection, source), facts.inputs))
    chunks.push(model.inputsOf(model.makeFeatures(chunk)))
  return chunks
})

/** Features in batches of some rows, as tensors. */
function tensors(batch: number): Record<string, Tensor>[] {
  return made.flatMap((features) => {
    const length = Object.values(features)[0]?.length ?? 0
    return Array.from({ length: Math.ceil(length / batch) }, (_, i) =>
      Object.fromEntries(
        Object.entries(features).map(([name, feature]) => [name, tensorOf(feature, i * batch, (i + 1) * batch)]),
      ),
    )
  })
}
function tensorOf(feature: CompiledInput, from: number, to: number): Tensor {
  if (feature instanceof Float32Array) {
    const part = feature.slice(from, to)
    return new Tensor('float32', part, [part.length, 1])
  }
  const part = textsForOnnx(feature.slice(from, to))
  return new Tensor('string', part, [part.length, 1])
}

let best = Number.POSITIVE_INFINITY
for (const intraOpNumThreads of [1, 2]) {
  const session = await InferenceSession.create(local.onnxFile, { intraOpNumThreads, interOpNumThreads: 1 })
  for (const batch of [4_096, 16_384, 65_536]) {
    const feeds = tensors(batch)
    for (let round = 0; round < 3; round++) {
      const start = performance.now()
      for (const feed of feeds) await session.run(feed, ['probabilities'])
      best = Math.min(best, (performance.now() - start) / 1000)
    }
  }
  await session.release()
}
console.log(JSON.stringify({ secondsAMillion: (best / rows) * 1e6 }))
process.exit(0)
