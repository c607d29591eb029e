import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text, withDuckDb } from '../../lib/data/duckdb.ts'
import type { LocalTable } from '../../lib/data/table.ts'
import { trees } from '../../lib/definition/learners.ts'
import type { RowSchema } from '../../lib/formats/row-schema.ts'
import { boost } from '../../lib/learners/trees/boost.ts'
import { toOnnx } from '../../lib/learners/trees/graph.ts'
import type { LocalModel, ModelFacts } from '../../lib/models/model.ts'
import { seededRandom } from '../../lib/stats/random.ts'
import { digestOf } from '../../lib/store/digest.ts'

/**
 * A small model of two numbers and a text, trained on made-up rows, as files in a folder of its own, and a table of its
 * rows.
 */
export async function makeLocalModel(
  task: 'binary' | 'regression',
  categories: 'ordered' | 'sets' = 'ordered',
): Promise<{ model: LocalModel; table: LocalTable; folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-model-'))
  const next = seededRandom(3)
  const rows = 3_000
  const towns = ['Ulm', 'Bonn', 'Kiel', 'Åre']
  const x = Float32Array.from({ length: rows }, () => next() / 2 ** 32)
  const y = Float32Array.from({ length: rows }, (_, i) => (i % 13 === 0 ? Number.NaN : (next() % 100) / 7))
  const town = Float32Array.from({ length: rows }, () => next() % towns.length)
  const labels = Float32Array.from(x, (value, i) => {
    const mean = value + ((y[i] as number) || 3) / 20 + (town[i] as number) / 8
    return task === 'regression' ? mean : mean + next() / 2 ** 33 > 1 ? 1 : 0
  })
  const learner = trees({ trees: 20, leaves: 15, categories })
  const counts = categories === 'sets' ? [undefined, undefined, towns.length] : undefined
  const data = { features: [x, y, town], labels, categories: counts }
  const { ensemble } = boost(task, { train: data, validation: data }, learner, { threads: 1 })
  const file = (name: string, content: string | Uint8Array): string => {
    const path = join(folder, name)
    writeFileSync(path, content)
    return path
  }
  const code =
    'module.exports.default = ({ x, y, town }) => ({ x: Float32Array.from(x), y: Float32Array.from(y), town })'
  const inputs: RowSchema = [
    { name: 'x', type: 'number', nullable: false },
    { name: 'y', type: 'number', nullable: true },
    { name: 'town', type: 'string', nullable: false },
  ]
  const facts: ModelFacts = {
    name: 'small',
    task,
    inputs,
    target: 'label',
    features: [
      { name: 'x', kind: 'number' },
      { name: 'y', kind: 'number' },
      { name: 'town', kind: 'category' },
    ],
    featureCode: { name: 'features', digest: digestOf(code), host: {} },
    learner,
    seed: 1,
    signature: 1,
    snapshot: digestOf('no snapshot'),
  }
  const onnx = toOnnx('small', ensemble, [
    { name: 'x', kind: 'number' },
    { name: 'y', kind: 'number' },
    { name: 'town', kind: 'category', categories: towns },
  ])
  const parquet = join(folder, 'rows.parquet')
  const lines = Array.from(x, (value, i) => {
    const other = Number.isNaN(y[i]) ? null : y[i]
    return JSON.stringify({ x: value, y: other, town: towns[town[i] as number] })
  })
  const json = file('rows.json', lines.join('\n'))
  await withDuckDb(1, (connection) =>
    connection.run(
      `COPY (SELECT x::DOUBLE AS x, y::DOUBLE AS y, town FROM read_json(${text(json)})) TO ${text(parquet)} (FORMAT parquet)`,
    ),
  )
  return {
    folder,
    model: {
      facts,
      onnxFile: file('model.onnx', onnx),
      codeFile: file('features.js', code),
      baselineFile: file('baseline.json', '{}'),
    },
    table: { files: [parquet], format: 'parquet', schema: inputs, rows },
  }
}
