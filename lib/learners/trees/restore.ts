import { type GraphPart, node, tensor } from '../onnx/messages.ts'
import type { Ensemble } from './ensemble.ts'

/** What trees add up to, by name: the prediction itself, what it is made of, or log odds to be calibrated. */
export const sumOf = ({ restore, calibration }: Ensemble): string => {
  if (calibration !== undefined) return 'score'
  return restore === undefined ? 'prediction' : 'sum'
}

/** Whether the trees' operator answers as a classifier does: the logistic function is its own. */
export const isClassifier = ({ task, calibration }: Ensemble): boolean => task === 'binary' && calibration === undefined

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
