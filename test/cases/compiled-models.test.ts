import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { compileModel, planOf } from '../../lib/compiler/compile.ts'
import { startCompiledModel } from '../../lib/compiler/compiled-model.ts'
import { elementTypes, type OnnxNode, readOnnx } from '../../lib/compiler/onnx.ts'
import { compareWithOnnxRuntime } from '../../lib/models/compare-engines.ts'
import { fuzzRows } from '../../lib/models/fuzz-rows.ts'
import { forestModel, type MadeNode } from '../support/forests.ts'
import { float, floats, graphModel, node, texts, value } from '../support/graphs.ts'

/* One tree with 1 where X is up to 0.5, and 2 elsewhere, and what comes behind it (kernels/chains.py). */
const onnxOf = (name: string): Uint8Array => readFileSync(join(import.meta.dirname, 'kernels', `${name}.onnx`))

describe('operators behind the trees', () => {
  it.each([
    ['direct-exp', 'Exp'],
    ['identity-exp', 'Exp'],
    ['mul1-exp', 'Exp'],
    ['identity-add-2', 'Add'],
    ['mul-self', 'Mul'],
    ['mul-by-constant-node-2', 'Mul'],
  ])('%s: refused, for %s', async (name, operator) => {
    await expect(compileModel(onnxOf(name))).rejects.toMatchObject({
      name: 'NotCompilable',
      message: `the operator ${operator} comes after the trees`,
    })
  })

  it.each(['identity-exp', 'mul1-exp', 'identity-add-2', 'mul-self'])(
    '%s: not proven either, by a compiled model that only knows its trees',
    async (name) => {
      const { layout, code, tables } = await compileModel(onnxOf('no-operator'))
      const plan = planOf(layout)
      const outputs = [{ name: 'Y', columns: [{ of: 0, isComplement: false }] }]
      const compare = await compareWithOnnxRuntime(
        onnxOf(name),
        { ...layout.forest, outputs },
        plan,
        startCompiledModel(plan, code, tables),
      )
      // 2 for the larger value: e², 2 + 1 and 2 · 2 are something else.
      await expect(compare.rows({ X: Float32Array.of(1) }, 1)).rejects.toMatchObject({
        name: 'NotCompilable',
        message: expect.stringMatching(/^the answer of row 1 is 2, ONNX Runtime's (7\.389|3|4)/),
      })
      await compare.release()
    },
  )
})

it('a LabelEncoder with equal keys: the first counts', async () => {
  const onnx = onnxOf('label-encoder-duplicate-keys')
  const { layout, code, tables } = await compileModel(onnx)
  const plan = planOf(layout)
  const compiledModel = startCompiledModel(plan, code, tables)
  const [name] = plan.inputs.map((input) => input.name) as [string]
  // "a" is 1, not 2, and 1 <= 1.5 gives 1.
  expect([...compiledModel.score({ [name]: ['a', 'b'] }, 2)]).toEqual([1, 2])
  const compare = await compareWithOnnxRuntime(onnx, layout.forest, plan, compiledModel)
  for (const batch of fuzzRows(layout.forest, layout.bins, 4_096, 4_096, 1)) await compare.rows(batch, 4_096)
  expect(compare.compared).toBe(4_096)
  await compare.release()
})

describe('a LabelEncoder of the empty text', () => {
  /** The codes themselves: "" is 1 and gives 10, "a" is 2 and gives 20, all else is 3 and gives 30. */
  const codes = (keys: string[]): Uint8Array => {
    const leq = (threshold: number, yes: MadeNode, no: MadeNode): MadeNode => ({
      mode: 'BRANCH_LEQ',
      feature: 0,
      threshold,
      missingTrue: false,
      yes,
      no,
    })
    const trees = forestModel([leq(1, { weight: 10 }, leq(2, { weight: 20 }, { weight: 30 }))], 1)
    const [ensemble] = readOnnx(trees).graph.node as [OnnxNode]
    const map = [
      texts('keys_strings', keys),
      floats(
        'values_floats',
        keys.map((_, i) => i + 1),
      ),
      float('default_float', 3),
    ]
    return graphModel({
      node: [node('LabelEncoder', ['T'], ['code'], map, 'ai.onnx.ml'), { ...ensemble, input: ['code'] }],
      input: [value('T', [0, 1], elementTypes.string)],
      output: [value('Y')],
    })
  }

  it('knows it from missing text, as onnxruntime-node is asked', async () => {
    const onnx = codes(['', 'a'])
    const { layout, code, tables } = await compileModel(onnx)
    const compiledModel = startCompiledModel(planOf(layout), code, tables)
    const T = ['', 'a', null, 'a\u0000', '\u0000', 'b']
    expect([...compiledModel.score({ T }, 6)]).toEqual([10, 20, 30, 30, 30, 30])
    const compare = await compareWithOnnxRuntime(onnx, layout.forest, planOf(layout), compiledModel)
    await compare.rows({ T }, 6)
    expect(compare.compared).toBe(6)
    await compare.release()
  })

  it('is refused where it maps what onnxruntime-node cannot be given', async () => {
    await expect(compileModel(codes(['a\u0000b', 'a']))).rejects.toMatchObject({
      message: 'LabelEncoder maps a text with U+0000, which onnxruntime-node cannot be given',
    })
  })
})
