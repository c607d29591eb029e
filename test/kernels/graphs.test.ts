import { InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { type CompiledKernel, compileKernel, planOf } from '../../kernels/compile.ts'
import { type KernelInput, startKernel } from '../../kernels/kernel.ts'
import { Refusal } from '../../kernels/refusal.ts'
import { compareWithOnnxRuntime } from '../../models/compare-kernel.ts'
import { fuzzRows } from '../../models/fuzz-rows.ts'
import { seededRandom } from '../../stats/random.ts'
import { drawGraph } from '../support/draw-graph.ts'
import type { Draw } from '../support/forests.ts'

const drawing = (seed: number): Draw => {
  const next = seededRandom(seed)
  return (below) => next() % below
}
const rows = 256
const graphs = 800
const understood = ['Cast', 'Concat', 'Constant', 'Gather', 'Identity', 'LabelEncoder', 'Mul', 'Sub']
const bitsOf = (values: Float32Array): number[] => [...new Int32Array(values.buffer, values.byteOffset, values.length)]

/** What ONNX Runtime makes of a graph as it is. */
async function outputsOf(onnx: Uint8Array, inputs: Record<string, KernelInput>): Promise<Record<string, Tensor>> {
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
  const results = await session.run(Object.fromEntries(feeds))
  await session.release()
  return results as Record<string, Tensor>
}

const compiledOf = (onnx: Uint8Array): Promise<CompiledKernel | Refusal> =>
  compileKernel(onnx).catch((error) => {
    if (error instanceof Refusal) return error
    throw error
  })

describe('a graph of any operators around trees', () => {
  it('is refused, or the last column of all its outputs is what the kernel answers', async () => {
    const counts = { compiled: 0, refused: 0 }
    const around = new Set<string>()
    for (let seed = 1; seed <= graphs; seed++) {
      const { onnx, operators } = drawGraph(drawing(seed))
      const compiled = await compiledOf(onnx)
      if (compiled instanceof Refusal) {
        counts.refused++
        continue
      }
      counts.compiled++
      const { layout, code, tables } = compiled
      const [inputs] = [...fuzzRows(layout.forest, layout.bins, rows, rows, seed)] as [Record<string, KernelInput>]
      const plan = planOf(layout)
      const kernel = startKernel(plan, code, tables)
      const answers = kernel.score(inputs, rows)
      const outputs = await outputsOf(onnx, inputs).catch((error: Error) => error)
      if (outputs instanceof Error) {
        // Broken beside the trees: that is for the proof to see.
        const proof = compareWithOnnxRuntime(onnx, layout.forest, plan, kernel).then((compare) =>
          compare.rows(inputs, rows),
        )
        await expect(proof, `graph ${seed}: ${operators}: ${outputs.message}`).rejects.toBeInstanceOf(Refusal)
        continue
      }
      for (const [name, { type, dims, data }] of Object.entries(outputs)) {
        if (type === 'int64' || type === 'int32') continue
        expect([type, dims.length, dims[0]], `graph ${seed}: ${operators}: ${name}`).toEqual(['float32', 2, rows])
        const width = dims[1] as number
        const last = (data as Float32Array).filter((_, i) => i % width === width - 1)
        expect(bitsOf(answers), `graph ${seed}: ${operators}: ${name}`).toEqual(bitsOf(last))
      }
      for (const [operator] of operators.matchAll(/\w+(?=\()/g)) around.add(operator)
    }
    // Of both there are many, and all that may be understood is among what was.
    expect(counts.compiled).toBeGreaterThan(150)
    expect(counts.refused).toBeGreaterThan(300)
    expect([...around]).toEqual(expect.arrayContaining(understood))
  }, 120_000)
})
