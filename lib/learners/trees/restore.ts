import { type GraphPart, node, tensor } from '../onnx/messages.ts'
import type { Ensemble } from './ensemble.ts'

/** What the trees of a regression add up to, by name: the prediction itself, or what it is made of. */
export const sumOf = ({ restore }: Ensemble): string => (restore === undefined ? 'prediction' : 'sum')

/** Makes float64 predictions of float32 sums: prediction = sum · scale + offset, operator by operator. */
export function restorePrediction({ restore }: Ensemble): GraphPart {
  if (restore === undefined) return { nodes: [], constants: [] }
  return {
    nodes: [
      node('Cast', '', ['sum'], ['exact_sum'], [['to', 'int', 11]]),
      node('Mul', '', ['exact_sum', 'scale'], ['scaled_sum'], []),
      node('Add', '', ['scaled_sum', 'offset'], ['prediction'], []),
    ],
    constants: [tensor('scale', Float64Array.of(restore.scale)), tensor('offset', Float64Array.of(restore.offset))],
  }
}
