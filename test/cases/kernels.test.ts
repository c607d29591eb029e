import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { compileKernel, planOf } from '../../kernels/compile.ts'
import { startKernel } from '../../kernels/kernel.ts'
import { compareWithOnnxRuntime } from '../../models/compare-kernel.ts'
import { fuzzRows } from '../../models/fuzz-rows.ts'

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
    await expect(compileKernel(onnxOf(name))).rejects.toMatchObject({
      name: 'Refusal',
      message: `the operator ${operator} comes after the trees`,
    })
  })

  it.each(['identity-exp', 'mul1-exp', 'identity-add-2', 'mul-self'])(
    '%s: not proven either, by a kernel that only knows its trees',
    async (name) => {
      const { layout, code, tables } = await compileKernel(onnxOf('no-operator'))
      const plan = planOf(layout)
      const outputs = [{ name: 'Y', columns: [{ of: 0, isComplement: false }] }]
      const compare = await compareWithOnnxRuntime(
        onnxOf(name),
        { ...layout.forest, outputs },
        plan,
        startKernel(plan, code, tables),
      )
      // 2 for the larger value: e², 2 + 1 and 2 · 2 are something else.
      await expect(compare.rows({ X: Float32Array.of(1) }, 1)).rejects.toMatchObject({
        name: 'Refusal',
        message: expect.stringMatching(/^the answer of row 1 is 2, ONNX Runtime's (7\.389|3|4)/),
      })
      await compare.release()
    },
  )
})

it('a LabelEncoder with equal keys: the first counts', async () => {
  const onnx = onnxOf('label-encoder-duplicate-keys')
  const { layout, code, tables } = await compileKernel(onnx)
  const plan = planOf(layout)
  const kernel = startKernel(plan, code, tables)
  const [name] = plan.inputs.map((input) => input.name) as [string]
  // "a" is 1, not 2, and 1 <= 1.5 gives 1.
  expect([...kernel.score({ [name]: ['a', 'b'] }, 2)]).toEqual([1, 2])
  const compare = await compareWithOnnxRuntime(onnx, layout.forest, plan, kernel)
  for (const batch of fuzzRows(layout.forest, layout.bins, 4_096, 4_096, 1)) await compare.rows(batch, 4_096)
  expect(compare.compared).toBe(4_096)
  await compare.release()
})
