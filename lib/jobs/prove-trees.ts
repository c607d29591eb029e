import { hostVersions } from '../code/host.ts'
import { type ComparedBatches, type MadeUpOrder, madeUpSeed } from '../models/compare-made-up.ts'
import type { CompiledTrees, CompileOrder } from '../models/compile-trees.ts'
import type { CompiledModelReport, GoldenRows, TreesProof } from '../models/compiled-model.ts'
import { digestOf } from '../store/digest.ts'
import type { ComparedRows } from './prove-rows.ts'

/** The pieces of a proof: a worker does each in a thread of its own. */
export interface ProofPieces {
  compileTrees(order: CompileOrder): Promise<CompiledTrees>
  compareMadeUp(order: MadeUpOrder): Promise<ComparedBatches>
}

/**
 * Compiles a model's trees and proves that the result answers as ONNX Runtime does, bit by bit, with one thread there
 * (with more its sums depend on how the trees were shared out), whatever the rows: all bins, all masks, and sums and
 * answers on made-up rows. It depends on the trees only, and neither on features nor on how many threads share the
 * rows.
 * @param parts threads that share the made-up rows
 */
export async function proveTrees(order: CompileOrder, parts: number, pieces: ProofPieces): Promise<TreesProof> {
  const compiled = await pieces.compileTrees(order)
  if (compiled.status === 'refused') return refusal(compiled.reason)
  const { facts, values, masks, plan, codeFile, tablesFile } = compiled
  const compiledModel = { plan, codeFile, tablesFile }
  const { onnxFile } = order
  const all = await Promise.all(
    Array.from({ length: parts }, (_, part) => pieces.compareMadeUp({ onnxFile, compiledModel, part, parts })),
  )
  // The first difference of all, whichever part met it.
  const [first] = all.flatMap(({ refused }) => refused ?? []).sort((a, b) => a.batch - b.batch)
  if (first !== undefined) return refusal(first.reason)
  const answers = all.flatMap((part) => part.answers).sort(([a], [b]) => a - b)
  return {
    slipway: 'kernel/1',
    status: 'proven',
    ...facts,
    proof: {
      values,
      masks,
      fuzzRows: all[0]?.rows ?? 0,
      seed: madeUpSeed,
      answers: digestOf(answers.map(([, digest]) => digest).join('\n')),
      onnxruntime: hostVersions()['onnxruntime-node'] ?? 'unknown',
      platform: `${process.platform}-${process.arch}`,
    },
    golden: all.find(({ golden }) => golden !== undefined)?.golden as GoldenRows,
  }
}

/** What a package says of its compiled model: what was proven by the trees alone, and on the rows of a table. */
export function compiledReport(trees: TreesProof, rows: ComparedRows | undefined): CompiledModelReport {
  if (trees.status === 'refused') return trees
  if (rows === undefined) return refusal('it was compared with no row of a table')
  if ('refused' in rows) return refusal(rows.refused)
  const { answers, ...proof } = trees.proof
  return {
    ...trees,
    proof: { ...proof, tableRows: rows.rows, answers: digestOf(`${rows.answers}\n${answers}`) },
  }
}

const refusal = (reason: string) => ({ slipway: 'kernel/1', status: 'refused', reason }) as const
