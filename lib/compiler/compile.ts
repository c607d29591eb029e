import type { CompiledPlan } from './compiled-model.ts'
import { chunkRows, type Layout, layoutOf } from './layout.ts'
import { NotCompilable } from './not-compilable.ts'
import { readForest } from './read-forest.ts'
import { tablesOf } from './tables.ts'
import { moduleText } from './text.ts'

/** A forest made into code and tables. The same model gives the same bytes. */
export interface CompiledBytes {
  readonly layout: Layout
  /** WebAssembly, with 128-bit vectors. */
  readonly code: Uint8Array
  readonly tables: Uint8Array
}

/**
 * Compiles the trees of an ONNX model.
 * @throws NotCompilable that names what cannot be compiled
 */
export async function compileModel(onnx: Uint8Array): Promise<CompiledBytes> {
  const layout = layoutOf(readForest(onnx))
  // Of megabytes, and wanted here only: threads that score begin without it.
  const { default: loadWabt } = await import('wabt')
  const { parseWat } = await loadWabt()
  const features = { simd: true, bulk_memory: true, sat_float_to_int: true }
  try {
    const module = parseWat('kernel.wat', moduleText(layout), features)
    module.validate()
    const code = Uint8Array.from(module.toBinary({}).buffer)
    module.destroy()
    return { layout, code, tables: tablesOf(layout) }
  } catch (error) {
    // A fault of ours; the model can be scored without.
    throw new NotCompilable(
      `its module cannot be assembled: ${(error as Error).message.split('\n').slice(0, 2).join(' ')}`,
    )
  }
}

/** What a program needs besides code and tables. */
export function planOf({ forest, valuesAt, sumsAt, answersAt }: Layout): CompiledPlan {
  const orNull = (value: number): number | null => (Number.isNaN(value) ? null : value)
  return {
    inputs: forest.inputs.map((input) =>
      input.kind === 'number'
        ? input
        : {
            kind: 'category',
            name: input.name,
            keys: [...input.codes.keys()],
            codes: [...input.codes.values()].map(orNull),
            otherwise: orNull(input.otherwise),
          },
    ),
    chunkRows,
    sums: forest.sums,
    ...(forest.isSorted && { isSorted: true }),
    valuesAt,
    sumsAt,
    answersAt,
  }
}
