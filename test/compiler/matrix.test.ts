import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkBins, checkMasks } from '../../lib/compiler/check.ts'
import { compileModel, planOf } from '../../lib/compiler/compile.ts'
import { startCompiledModel } from '../../lib/compiler/compiled-model.ts'
import { compareWithOnnxRuntime } from '../../lib/models/compare-engines.ts'
import { fuzzRows } from '../../lib/models/fuzz-rows.ts'

/*
 * Models of LightGBM, XGBoost and scikit-learn as their converters write them, and some made by hand
 * (test/reference/tree_models.py): each is compiled and then gives ONNX Runtime's very bits, or is refused for the
 * reason named here.
 */
const folder = join(import.meta.dirname, 'models')
const refused: Record<string, string> = {
  average: 'some rows get no vote for sum 1, which has a base value',
  'double-tensors': 'nodes_hitrates_as_tensor: thresholds and weights in double precision',
  'lightgbm-random-forest': 'the operator ArrayFeatureExtractor comes after the trees',
  'lightgbm-random-forest-regression': 'the operator Div comes after the trees',
  max: 'leaves are aggregated by MAX',
  min: 'leaves are aggregated by MIN',
  'nan-threshold': 'tree 0 compares with NaN',
  probit: 'the post-transform PROBIT',
  'sklearn-double': 'the input X is not of 32-bit floats',
  'sklearn-isolation-forest': 'the graph has 5 tree ensembles',
  'sklearn-pipeline-scaler': 'the operator Scaler comes before the trees',
  'v5-member-wide': 'tree 1 looks for a number in a set that reaches outside 1 to 32',
}
const models = readdirSync(folder).map((file) => file.replace('.onnx', ''))
const onnxOf = (name: string): Uint8Array => readFileSync(join(folder, `${name}.onnx`))

describe('models of other libraries', () => {
  it.each(models.filter((name) => refused[name] === undefined))(
    '%s: compiled, with the bits of ONNX Runtime',
    async (name) => {
      const onnx = onnxOf(name)
      const { layout, code, tables } = await compileModel(onnx)
      const plan = planOf(layout)
      const compiledModel = startCompiledModel(plan, code, tables)
      expect(checkBins(compiledModel, layout).differing).toBe(0)
      expect(checkMasks(layout, tables).differing).toBe(0)
      const compare = await compareWithOnnxRuntime(onnx, layout.forest, plan, compiledModel)
      for (const batch of fuzzRows(layout.forest, layout.bins, 20_000, 4_096, 3)) await compare.rows(batch, 4_096)
      expect(compare.compared).toBe(20_480)
      await compare.release()
    },
  )

  it.each(Object.entries(refused))('%s: refused, for %s', async (name, reason) => {
    await expect(compileModel(onnxOf(name))).rejects.toMatchObject({ name: 'NotCompilable', message: reason })
  })
})
