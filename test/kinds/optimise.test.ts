import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { getBundle } from '../../lib/store/objects.ts'
import { query } from '../support/batch-place.ts'
import { constant, Float, onnxFile, op, purposes, tensorValue, types } from '../support/finished-models.ts'
import { openPlace, type Place } from '../support/place.ts'
import { loansSql, writeLoans } from '../support/project.ts'
import { noise, textEncoder } from '../support/tensor-models.ts'

/*
 * A graph that is fused and has int8 weights goes the way of all others: measured against the one before, gated,
 * packaged, served and made again.
 */
let place: Place

/**
 * A network of the loans that `loansSql` makes: pairs of units that add up to the log odds the rows were made by.
 * @param isScaled whether its features are brought to one scale; without, income is all that int8 leaves of a row
 */
function network(isScaled: boolean): Uint8Array {
  const units = 256
  const [centres, scales] = isScaled
    ? [
        [50_000, 48, 0],
        [12_000, 20, 1],
      ]
    : [
        [0, 0, 0],
        [1, 1, 1],
      ]
  // What the rows were made by: -(income - 45,000) / 12,000 - (-1.2 for travel, else 0.4).
  const weights = [-1 / 12_000, 0, -1]
  const bias = 45_000 / 12_000
  const size = noise(units / 2, 5).map((value) => 1 + Math.abs(value))
  const total = size.reduce((sum, value) => sum + value * value, 0)
  const sign = (unit: number): number => (unit % 2 === 0 ? 1 : -1)
  const sizeOf = (unit: number): number => size[unit >> 1] as number
  const first = Float32Array.from(
    { length: 3 * units },
    (_, i) =>
      sign(i % units) *
      sizeOf(i % units) *
      (weights[Math.floor(i / units)] as number) *
      (scales[Math.floor(i / units)] as number),
  )
  const rest = bias + weights.reduce((sum, weight, i) => sum + weight * (centres[i] as number), 0)
  return onnxFile({
    inputs: [
      tensorValue('income', types.float, ['N', 1]),
      tensorValue('age', types.float, ['N', 1]),
      tensorValue('purpose', types.string, ['N', 1]),
    ],
    nodes: [
      op(
        'LabelEncoder',
        ['purpose'],
        ['of purpose'],
        {
          keys_strings: Object.keys(purposes),
          values_floats: Float32Array.from(Object.values(purposes)),
          default_float: new Float(0),
        },
        'ai.onnx.ml',
      ),
      op('Concat', ['income', 'age', 'of purpose'], ['X'], { axis: 1 }),
      op('Sub', ['X', 'centres'], ['centred']),
      op('Div', ['centred', 'scales'], ['scaled']),
      op('Gemm', ['scaled', 'w1', 'b1'], ['h']),
      op('Relu', ['h'], ['a']),
      op('MatMul', ['a', 'w2'], ['mixed']),
      op('Relu', ['mixed'], ['kept']),
      op('MatMul', ['kept', 'w3'], ['logit']),
      op('Sigmoid', ['logit'], ['bad']),
    ],
    constants: [
      constant('centres', [3], Float32Array.from(centres as number[])),
      constant('scales', [3], Float32Array.from(scales as number[])),
      constant('w1', [3, units], first),
      constant(
        'b1',
        [units],
        Float32Array.from({ length: units }, (_, unit) => sign(unit) * sizeOf(unit) * rest),
      ),
      constant(
        'w2',
        [units, units],
        Float32Array.from({ length: units * units }, (_, i) => (i % (units + 1) === 0 ? 1 : 0)),
      ),
      constant(
        'w3',
        [units, 1],
        Float32Array.from({ length: units }, (_, unit) => (sign(unit) * sizeOf(unit)) / total),
      ),
    ],
    outputs: [tensorValue('bad', types.float, ['N', 1])],
  })
}

const definition = (name: string, options: string): string => `import { auc, binary, onnx, pipeline } from 'slipway'
import { bad } from '../loans/target.ts'
import { Loan } from '../loans/schema.ts'
import { columns } from '../features.ts'
export default pipeline('${name}', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const parts = p.split(loans, { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const model = p.train('risk', { on: parts, features: columns, target: binary('defaulted', bad), learner: onnx('${name}.onnx'), seed: 1 })
  const candidate = p.package(model, ${options})
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.6)], champion: 'not compared' })
  p.deploy(candidate, { endpoint: '${name}', allAtOnce: true })
})
`

beforeAll(async () => {
  place = await openPlace()
  const { project } = place
  writeLoans(project)
  await project.data('data/loans.parquet', loansSql())
  await project.data('data/new.parquet', loansSql(300))
  writeFileSync(join(project.root, 'small.onnx'), network(true))
  writeFileSync(join(project.root, 'spoilt.onnx'), network(false))
  project.write(
    'pipelines/features.ts',
    `export function columns({ income, age, purpose }: { income: Float64Array; age: Float64Array; purpose: readonly string[] }) {
  return { income, age, purpose }
}
`,
  )
  project.write('pipelines/small/pipeline.ts', definition('small', "{ optimise: { fuse: true, quantize: 'int8' } }"))
  project.write('pipelines/spoilt/pipeline.ts', definition('spoilt', "{ optimise: { quantize: 'int8' } }"))
})
afterAll(() => place?.close())

const slipway = (...args: string[]): Promise<string> => place.succeeds(...args)

describe('a finished model that is optimised', () => {
  it('is a third of the bytes, and says what that took of its metric and of its time', async () => {
    const record = JSON.parse(await slipway('run', 'small', '--wait', '--json'))
    expect(record).toMatchObject({ status: 'succeeded', model: { name: 'small', version: 1 } })
    expect(await slipway('show', record.runId)).toMatch(
      /package .* bytes of ONNX, fused, int8 \([\d,]+ before\), \d+\.\d\d of the processor time a row, auc (0\.\d+) before, 0\.\d+ after; parity/,
    )
    const { facts, files } = await getBundle(place.store.store, record.model.digest, 'model')
    const { optimised } = facts as unknown as {
      optimised: {
        bytes: { before: number; after: number }
        metric: { before: number; after: number }
        largest: number
      }
    }
    expect(files['model.onnx']?.size).toBe(optimised.bytes.after)
    expect(optimised.bytes.after / optimised.bytes.before).toBeLessThan(0.33)
    expect(Math.abs(optimised.metric.before - optimised.metric.after)).toBeLessThan(0.005)
    expect(optimised.largest).toBeGreaterThan(0)
    const card = await slipway('show', 'small')
    expect(card).toContain('Weights are int8: those of 3 products, a scale a column')
    expect(card).toContain("The graph is ONNX Runtime's own")
    expect(card).toMatch(/On \d+ validation rows: auc 0\.\d+ before and 0\.\d+ after, answers at most 0\.\d+ apart\./)
  })

  it('scores a row alone at its endpoint as among others in a batch, to the bit', async () => {
    await slipway('batch', 'score', 'small', '--from', 'data/new.parquet', '--to', 'scored/')
    await slipway('verify', 'scored/')
    const scored = (await query(`SELECT * FROM '${place.project.root}/scored/*.parquet' ORDER BY id`)) as {
      prediction: number
    }[]
    expect(scored).toHaveLength(300)
    for (const row of [0, 7, 299]) {
      const { prediction, ...loan } = scored[row] as { prediction: number }
      const plain = (_: string, value: unknown) => (typeof value === 'bigint' ? Number(value) : value)
      place.project.write('row.json', JSON.stringify(loan, plain))
      const { predictions } = JSON.parse(await slipway('predict', 'small', '--data', 'row.json', '--json'))
      expect(predictions).toEqual([prediction])
    }
  })

  it('is made again from the store alone, identical', async () => {
    expect(await slipway('verify', 'small')).toContain('identical')
  })

  it('shows what was done on the page of its report', async () => {
    await slipway('open', 'small', '--html', join(place.project.root, 'small.html'))
    const [page] = (await query(`SELECT content FROM read_text('${place.project.root}/small.html')`)) as {
      content: string
    }[]
    expect(page?.content).toMatch(/<th>optimised<\/th><td>fused, int8: [\d,]+ bytes, [\d,]+ before; auc/)
  })

  it('ends the run with exit code 12 where int8 loses more than is allowed', async () => {
    const { code, stdout } = await place.run('run', 'spoilt', '--wait')
    expect(code).toBe(12)
    expect(stdout).toMatch(
      /int8 loses 0\.\d+ of auc on the validation rows, 0\.\d+ before and 0\.\d+ after; 0\.005 is allowed/,
    )
  })

  it('is let through where more is allowed', async () => {
    const options = "{ optimise: { quantize: 'int8', atMost: { metricLoss: 0.5 } } }"
    place.project.write(
      'pipelines/spoilt/pipeline.ts',
      definition('spoilt', options).replace('atLeast(0.6)', 'atLeast(0.1)'),
    )
    await slipway('run', 'spoilt', '--wait')
  })
})

describe('a model of tensors that is optimised', () => {
  const plan = (atMost: string): string => `import { pipeline } from 'slipway'
export default pipeline('words', (p) => {
  const words = p.tensors('words.onnx', { samples: 'words.json', optimise: { quantize: 'int8'${atMost} } })
  p.deploy(words, { endpoint: 'words', allAtOnce: true })
})
`
  beforeAll(() => {
    const { root } = place.project
    writeFileSync(join(root, 'words.onnx'), textEncoder(2_000, 64))
    const samples = Array.from({ length: 40 }, (_, i) => ({
      inputs: [
        { name: 'input_ids', datatype: 'INT64', shape: [1, 5], data: [1, 2, 3, 4, 5].map((k) => (k * i * 37) % 2_000) },
        { name: 'attention_mask', datatype: 'INT64', shape: [1, 5], data: [1, 1, 1, 1, i % 2] },
      ],
    }))
    writeFileSync(join(root, 'words.json'), JSON.stringify(samples))
  })

  it('is a quarter of the bytes and answers nearly the same', async () => {
    place.project.write('pipelines/words/pipeline.ts', plan(''))
    const record = JSON.parse(await slipway('run', 'words', '--wait', '--json'))
    expect(await slipway('show', record.runId)).toMatch(
      /bytes of ONNX, int8 \([\d,]+ before\), .*answers moved by 0\.00\d+/,
    )
    const { facts, files } = await getBundle(place.store.store, record.model.digest, 'model')
    const { optimised } = facts as unknown as {
      optimised: { bytes: { before: number; after: number }; weights: object; difference: number }
    }
    expect(optimised.weights).toEqual({ products: 0, tables: 1 })
    expect(files['model.onnx']?.size).toBe(optimised.bytes.after)
    expect(optimised.bytes.after / optimised.bytes.before).toBeLessThan(0.33)
    expect(optimised.difference).toBeLessThan(0.01)
    expect(await slipway('show', 'words')).toContain(
      'Weights are int8: those of 0 products, a scale a column, and of 1 tables',
    )
    expect(await slipway('verify', 'words')).toContain('identical')
  })

  it('ends the run with exit code 12 where its answers move more than is allowed', async () => {
    place.project.write('pipelines/words/pipeline.ts', plan(', atMost: { difference: 0.0001 }'))
    const { code, stdout } = await place.run('run', 'words', '--wait')
    expect(code).toBe(12)
    expect(stdout).toMatch(/moves its output "sentence" by 0\.00\d+ of its spread on the samples; 0\.0001 is allowed/)
  })
})
