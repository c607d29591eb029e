import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { hostVersions, packageRoot } from '../../lib/code/host.ts'
import { loadFunction } from '../../lib/code/load.ts'
import { planPipeline } from '../../lib/code/plan.ts'
import { withDuckDb } from '../../lib/data/duckdb.ts'
import type { LocalTable } from '../../lib/data/table.ts'
import { prepare } from '../../lib/learners/dataset.ts'
import { encode, fitInputs } from '../../lib/learners/encode.ts'
import { boost } from '../../lib/learners/trees/boost.ts'
import { toOnnx } from '../../lib/learners/trees/graph.ts'
import { treesLearner } from '../../lib/learners/trees/learner.ts'
import { plainLoops } from '../../lib/learners/trees/loops.ts'
import { digestOf } from '../../lib/store/digest.ts'
import { proveCompiledModel } from '../support/prove.ts'

const data = join(packageRoot, 'node_modules/vega-datasets/data')
/** Of each example some rows, as parquet. */
const examples = {
  flights: `SELECT * FROM '${data}/flights-3m.parquet' USING SAMPLE 20000 (reservoir, 7)`,
  weather: `SELECT * FROM read_csv('${data}/seattle-weather.csv')`,
}

describe.each(Object.entries(examples))('the example %s', (name, sql) => {
  it('trains to the same bytes by plain and by compiled loops, and its compiled model is proven', async () => {
    const { plan, bundles } = await planPipeline(packageRoot, name, hostVersions(), {})
    const step = plan.steps.find((each) => each.kind === 'train')
    const source = plan.steps.find((each) => each.kind === 'snapshot')
    if (step === undefined || source === undefined) throw new Error(`${name} trains nothing`)
    const folder = mkdtempSync(join(tmpdir(), 'slipway-example-'))
    const file = join(folder, 'rows.parquet')
    const code = (digest: string): string => bundles.get(digest)?.code ?? ''
    const load = (digest: string) => loadFunction(code(digest), digest)
    const { labelled, table } = await withDuckDb(1, async (connection) => {
      await connection.run(`COPY (${sql}) TO '${file}' (FORMAT parquet)`)
      const [count] = (await connection.runAndReadAll(`SELECT count(*) FROM '${file}'`)).getColumns()[0] as [bigint]
      const rows: LocalTable = { files: [file], format: 'parquet', schema: source.schema, rows: Number(count) }
      const target = step.target.code
      const preparation = {
        features: load(step.features.digest),
        featuresName: step.features.name,
        inputs: step.inputs,
        target: { column: step.target.column, code: target === undefined ? undefined : load(target.digest) },
        weight: step.weight,
        task: step.task,
      }
      return { labelled: await prepare(connection, rows, preparation), table: rows }
    })
    const { learner: planned, task } = step
    if (planned.kind !== 'trees' || task === 'multiclass' || task === 'quantiles')
      throw new Error(`${name} does not grow trees`)
    const inputs = fitInputs(labelled.features, labelled.labels, treesLearner.categoryOrder(planned, 0))
    const rows = { features: encode(labelled.features, inputs), labels: Float32Array.from(labelled.labels) }
    const learner = { ...planned, trees: 40 }
    const [compiled, plain] = [undefined, () => plainLoops].map((loops) =>
      toOnnx(
        name,
        boost(task, { train: rows, validation: rows }, learner, {
          threads: loops === undefined ? 2 : 1,
          loopsFor: loops,
        }).ensemble,
        inputs,
      ),
    ) as [Uint8Array, Uint8Array]
    expect(digestOf(compiled)).toBe(digestOf(plain))

    const [onnxFile, codeFile] = [join(folder, 'model.onnx'), join(folder, 'features.js')]
    writeFileSync(onnxFile, compiled)
    writeFileSync(codeFile, code(step.features.digest))
    const facts = {
      name,
      task: step.task,
      inputs: step.inputs,
      target: step.target.column,
      features: inputs.map((input) => ({ name: input.name, kind: input.kind })),
      featureCode: { name: step.features.name, digest: step.features.digest, host: step.features.host },
      learner,
      seed: step.seed,
      signature: 1,
      snapshot: digestOf('no snapshot'),
    }
    const model = { facts, onnxFile, codeFile, baselineFile: '' }
    const report = await proveCompiledModel({ model, table, folder })
    expect(report).toMatchObject({ status: 'proven', proof: { tableRows: table.rows, fuzzRows: 303_104 } })
  })
})
