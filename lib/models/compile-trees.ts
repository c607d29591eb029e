import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { checkBins, checkMasks } from '../compiler/check.ts'
import { compileModel, planOf } from '../compiler/compile.ts'
import { type CompiledModel, type CompiledPlan, startCompiledModel } from '../compiler/compiled-model.ts'
import { NotCompilable } from '../compiler/not-compilable.ts'
import { digestOf } from '../store/digest.ts'
import type { CompiledModelFiles, TreesProof } from './compiled-model.ts'
import { modelFiles } from './model.ts'

export interface CompileOrder {
  readonly onnxFile: string
  /** Where code and tables go, by their names in the package. */
  readonly folder: string
}

type Proven = Extract<TreesProof, { status: 'proven' }>

/** A compiled model whose bins and masks are right: what is known of it before rows are scored. */
export type CompiledTrees =
  | { readonly status: 'refused'; readonly reason: string }
  | (CompiledModelFiles & {
      readonly status: 'compiled'
      readonly facts: Pick<Proven, 'model' | 'code' | 'tables' | 'plan' | 'shape'>
      readonly values: number
      readonly masks: number
    })

/**
 * Compiles a model's trees, and compares all bins at their critical values with their definition, and all masks with
 * walks of the trees. What cannot be compiled, or differs anywhere, is refused with the reason.
 */
export async function compileTrees(order: CompileOrder): Promise<CompiledTrees> {
  try {
    return await compile(order)
  } catch (error) {
    if (error instanceof NotCompilable) return { status: 'refused', reason: error.message }
    throw error
  }
}

async function compile({ onnxFile, folder }: CompileOrder): Promise<CompiledTrees> {
  const onnx = await readFile(onnxFile)
  const { layout, code, tables } = await compileModel(onnx)
  const plan = planOf(layout)
  const values = checkBins(start(plan, code, tables), layout)
  if (values.differing > 0)
    throw new NotCompilable(`${values.differing} of ${values.compared} values are put into another bin`)
  const masks = checkMasks(layout, tables)
  if (masks.differing > 0) throw new NotCompilable(`${masks.differing} of ${masks.compared} masks allow other leaves`)
  const [codeFile, tablesFile] = [join(folder, modelFiles.compiledCode), join(folder, modelFiles.compiledTables)]
  await writeFile(codeFile, code)
  await writeFile(tablesFile, tables)
  const { forest } = layout
  return {
    status: 'compiled',
    plan,
    codeFile,
    tablesFile,
    facts: {
      model: digestOf(onnx),
      code: digestOf(code),
      tables: digestOf(tables),
      plan,
      shape: {
        trees: forest.trees.length,
        leaves: Math.max(...forest.trees.map((tree) => tree.filter((node) => 'adds' in node).length)),
        features: forest.features,
        thresholds: layout.bins.reduce((sum, { cuts }) => sum + cuts.length, 0),
        laneBits: layout.laneBits,
        codeBytes: code.length,
        tableBytes: tables.length,
      },
    },
    values: values.compared,
    masks: masks.compared,
  }
}

function start(plan: CompiledPlan, code: Uint8Array, tables: Uint8Array): CompiledModel {
  try {
    return startCompiledModel(plan, code, tables)
  } catch (error) {
    throw new NotCompilable(`this runtime cannot run it: ${(error as Error).message}`)
  }
}
