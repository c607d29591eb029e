import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { type CompiledModel, CompiledPlan, startCompiledModel } from '../compiler/compiled-model.ts'
import { Digest } from '../formats/artifact.ts'
import { digestOf } from '../store/digest.ts'

const Count = z.int().nonnegative()

/**
 * Rows that a compiled model has to give ONNX Runtime's very bits for before a model is scored with it. float32s are
 * base64.
 */
export const GoldenRows = z.object({
  rows: Count,
  inputs: z.record(z.string(), z.union([z.object({ float32: z.base64() }), z.array(z.string().nullable())])),
  answers: z.base64(),
})
export type GoldenRows = z.infer<typeof GoldenRows>

const Refused = z.object({ slipway: z.literal('kernel/1'), status: z.literal('refused'), reason: z.string() })
/** Everything that was compared; nothing of it differed. */
const Compared = z.object({
  values: Count,
  masks: Count,
  fuzzRows: Count,
  seed: z.int(),
  onnxruntime: z.string(),
  platform: z.string(),
})
const Proven = z.object({
  slipway: z.literal('kernel/1'),
  status: z.literal('proven'),
  /** The ONNX file it was compiled from, and the files it consists of. */
  model: Digest,
  code: Digest,
  tables: Digest,
  plan: CompiledPlan,
  shape: z.object({
    trees: Count,
    /** Of the largest tree. */
    leaves: Count,
    features: Count,
    thresholds: Count,
    laneBits: Count,
    codeBytes: Count,
    tableBytes: Count,
  }),
  golden: GoldenRows,
})

/** What is in a package about its compiled model: how it was proven, or why there is none. */
export const CompiledModelReport = z.discriminatedUnion('status', [
  Refused,
  Proven.extend({
    proof: Compared.extend({
      tableRows: Count,
      /**
       * Of ONNX Runtime's answers to all those rows: of the digests of its answers to the table's and to the made-up
       * ones.
       */
      answers: Digest,
    }),
  }),
])
export type CompiledModelReport = z.infer<typeof CompiledModelReport>

/** What is proven of a compiled model by its trees alone, whatever rows it will see: all but the table. */
export const TreesProof = z.discriminatedUnion('status', [
  Refused,
  Proven.extend({ proof: Compared.extend({ answers: Digest }) }),
])
export type TreesProof = z.infer<typeof TreesProof>

/** What compares rows of a table needs of a compiled model: files, and where rows go in and answers come out. */
export interface CompiledModelFiles {
  readonly plan: CompiledPlan
  readonly codeFile: string
  readonly tablesFile: string
}

/** A package's compiled model as local files. */
export interface LocalCompiledModel {
  readonly reportFile: string
  /** Missing where the compiled model was refused. */
  readonly codeFile: string | undefined
  readonly tablesFile: string | undefined
}

/** What scores a model: the compiled model, or ONNX Runtime and why not that. */
export type Engine = { readonly name: 'compiled' } | { readonly name: 'onnxruntime'; readonly reason: string }

/**
 * Starts a package's compiled model after it has shown on the golden rows that it answers as it was proven to.
 * @param onnxDigest of the package's model
 * @returns the compiled model, or why the model has to be scored without: never a compiled model that might answer
 *   otherwise
 */
export async function openCompiledModel(
  local: LocalCompiledModel | undefined,
  onnxDigest: string,
): Promise<CompiledModel | string> {
  if (local === undefined) return 'packaged before models were compiled'
  try {
    const report = CompiledModelReport.parse(JSON.parse(await readFile(local.reportFile, 'utf8')))
    if (report.status === 'refused') return report.reason
    if (local.codeFile === undefined || local.tablesFile === undefined)
      return 'the package lacks a file of the compiled model'
    if (report.model !== onnxDigest) return 'the compiled model is of another model'
    const [code, tables] = [await readFile(local.codeFile), await readFile(local.tablesFile)]
    if (digestOf(code) !== report.code || digestOf(tables) !== report.tables) return 'the compiled model was changed'
    const compiledModel = startCompiledModel(report.plan, code, tables)
    return repeats(compiledModel, report.golden)
      ? compiledModel
      : 'the compiled model does not repeat its golden rows here'
  } catch (error) {
    return `the compiled model cannot be started: ${(error as Error).message}`
  }
}

function repeats(compiledModel: CompiledModel, { rows, inputs, answers }: GoldenRows): boolean {
  const columns = Object.fromEntries(
    Object.entries(inputs).map(([name, values]) => [name, Array.isArray(values) ? values : floatsOf(values.float32)]),
  )
  // More than once: the code is compiled better once it has run a little.
  for (let round = 0; round < 20; round++) if (base64Of(compiledModel.score(columns, rows)) !== answers) return false
  return true
}

/** float32s as text, bit by bit: JSON has no NaN. */
export function base64Of(values: Float32Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64')
}

function floatsOf(text: string): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(text, 'base64')).buffer)
}
