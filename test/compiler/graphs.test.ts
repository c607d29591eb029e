import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { type CompiledBytes, compileModel, planOf } from '../../lib/compiler/compile.ts'
import { type CompiledInput, startCompiledModel } from '../../lib/compiler/compiled-model.ts'
import { NotCompilable } from '../../lib/compiler/not-compilable.ts'
import { compareWithOnnxRuntime } from '../../lib/models/compare-engines.ts'
import { fuzzRows } from '../../lib/models/fuzz-rows.ts'
import { seededRandom } from '../../lib/stats/random.ts'
import { drawGraph } from '../support/draw-graph.ts'
import type { Draw } from '../support/forests.ts'
import { drawChanged, drawOddEnsemble } from '../support/odd-ensembles.ts'

const drawing = (seed: number): Draw => {
  const next = seededRandom(seed)
  return (below) => next() % below
}
const rows = 256
const labels = ['int64', 'int32', 'string']
const bitsOf = (values: Float32Array): number[] => [...new Int32Array(values.buffer, values.byteOffset, values.length)]

/** What ONNX Runtime makes of a graph as it is. */
async function outputsOf(onnx: Uint8Array, inputs: Record<string, CompiledInput>): Promise<Record<string, Tensor>> {
  const session = await InferenceSession.create(onnx, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
  })
  const feeds = Object.entries(inputs).map(([name, values]) => [
    name,
    values instanceof Float32Array
      ? new Tensor('float32', values, [rows, values.length / rows])
      : new Tensor(
          'string',
          values.map((each) => each ?? '?'),
          [rows, 1],
        ),
  ])
  const results = await session.run(Object.fromEntries(feeds)).finally(() => session.release())
  return results as Record<string, Tensor>
}

const compiledOf = (onnx: Uint8Array): Promise<CompiledBytes | NotCompilable> =>
  compileModel(onnx).catch((error) => {
    if (error instanceof NotCompilable) return error
    throw error
  })

/**
 * Whether a model was compiled, and then says what ONNX Runtime says; or was refused.
 * @throws AssertionError otherwise
 */
async function judge(onnx: Uint8Array, seed: number, what: string): Promise<'compiled' | 'refused'> {
  const compiled = await compiledOf(onnx)
  if (compiled instanceof NotCompilable) return 'refused'
  const { layout, code, tables } = compiled
  const [inputs] = [...fuzzRows(layout.forest, layout.bins, rows, rows, seed)] as [Record<string, CompiledInput>]
  const plan = planOf(layout)
  const compiledModel = startCompiledModel(plan, code, tables)
  const outputs = await outputsOf(onnx, inputs).catch((error: Error) => error)
  if (outputs instanceof Error) {
    // Broken, as ONNX Runtime sees it: that is for the proof to find.
    const proof = compareWithOnnxRuntime(onnx, layout.forest, plan, compiledModel).then((compare) =>
      compare.rows(inputs, rows).finally(() => compare.release()),
    )
    await expect(proof, `${what}: ${outputs.message}`).rejects.toBeInstanceOf(NotCompilable)
    return 'refused'
  }
  const answers = compiledModel.score(inputs, rows)
  for (const [name, { type, dims, data }] of Object.entries(outputs)) {
    if (labels.includes(type)) continue
    expect([type, dims.length, dims[0]], `${what}: ${name}`).toEqual(['float32', 2, rows])
    const width = dims[1] as number
    const last = (data as Float32Array).filter((_, i) => i % width === width - 1)
    expect(bitsOf(answers), `${what}: ${name}`).toEqual(bitsOf(last))
  }
  return 'compiled'
}

/*
 * Each is refused, or the last column of all outputs but labels is what the compiled model answers, bit by bit, for
 * rows at all corners.
 */
describe('what is compiled says what ONNX Runtime says', () => {
  it('of graphs with any operators around their trees', async () => {
    const counts = { compiled: 0, refused: 0 }
    const around = new Set<string>()
    for (let seed = 1; seed <= 800; seed++) {
      const { onnx, operators } = drawGraph(drawing(seed))
      const verdict = await judge(onnx, seed, `graph ${seed}, ${operators}`)
      counts[verdict]++
      if (verdict === 'compiled') for (const [operator] of operators.matchAll(/\w+(?=\()/g)) around.add(operator)
    }
    // Of both there are many, and all that may be understood is among what was.
    expect(counts.compiled).toBeGreaterThan(150)
    expect(counts.refused).toBeGreaterThan(300)
    expect([...around]).toEqual(
      expect.arrayContaining(['Cast', 'Concat', 'Constant', 'Gather', 'Identity', 'LabelEncoder', 'Mul', 'Sub']),
    )
  })

  it('of trees that are written in unusual and in impossible ways', async () => {
    const counts = { compiled: 0, refused: 0 }
    for (let seed = 1; seed <= 800; seed++) {
      const { onnx, oddities } = drawOddEnsemble(drawing(seed))
      counts[await judge(onnx, seed, `trees ${seed}, ${oddities}`)]++
    }
    expect(counts.compiled).toBeGreaterThan(250)
    expect(counts.refused).toBeGreaterThan(250)
  })

  it.each(['v5-modes', 'v5-member', 'softmax', 'softmax-zero', 'binary-two-scores', 'modes-all'])(
    'of %s with some entry changed',
    async (name) => {
      const original = readFileSync(join(import.meta.dirname, 'models', `${name}.onnx`))
      const counts = { compiled: 0, refused: 0 }
      for (let seed = 1; seed <= 80; seed++) {
        const { onnx, oddities } = drawChanged(drawing(seed), original)
        counts[await judge(onnx, seed, `${name} ${seed}, ${oddities}`)]++
      }
      expect(counts.compiled).toBeGreaterThan(15)
      expect(counts.refused).toBeGreaterThan(15)
    },
    120_000,
  )
})
