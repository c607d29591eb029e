import { elementTypes, type OnnxModel, readOnnx, writeOnnx } from '../compiler/onnx.ts'
import { readForest } from '../compiler/read-forest.ts'
import type { Task } from '../formats/code-ref.ts'
import { type ScoreForest, scoreForest } from './score-forest.ts'

/**
 * The trees of a model and the scores they add up to. Where the built-in learner has predictions restored in float64
 * (sum · scale + offset), so are the scores.
 * @throws NotCompilable that names what is not understood
 */
export function readTrees(onnx: Uint8Array, task: Task): ScoreForest {
  const model = readOnnx(onnx)
  const restored = restoredSum(model)
  if (restored === undefined) return scoreForest(readForest(onnx), task)
  const { scale, offset, sums } = restored
  const { base, add, ...rest } = scoreForest(readForest(writeOnnx(sums)), task)
  return {
    ...rest,
    base: base.map((value) => value * scale + offset),
    add: (leaf, output) => add(leaf, output) * scale,
  }
}

/** A graph without the three nodes that restore predictions, and what they do. */
function restoredSum(model: OnnxModel): { scale: number; offset: number; sums: OnnxModel } | undefined {
  const { graph } = model
  const double = (name: string): number | undefined => {
    const tensor = graph.initializer.find((each) => each.name === name && each.dataType === elementTypes.double)
    return tensor === undefined ? undefined : new Float64Array(Uint8Array.from(tensor.rawData).buffer)[0]
  }
  const [scale, offset] = [double('scale'), double('offset')]
  const tail = ['exact_sum', 'scaled_sum', 'prediction']
  const isTail = (output: string | undefined): boolean => output !== undefined && tail.includes(output)
  if (scale === undefined || offset === undefined || graph.node.filter((node) => isTail(node.output[0])).length < 3)
    return undefined
  return {
    scale,
    offset,
    sums: {
      ...model,
      graph: {
        ...graph,
        node: graph.node.filter((node) => !isTail(node.output[0])),
        initializer: graph.initializer.filter(({ name }) => name !== 'scale' && name !== 'offset'),
        output: graph.output.map((output) => ({ ...output, name: 'sum' })),
      },
    },
  }
}
