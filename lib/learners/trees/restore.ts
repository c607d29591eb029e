import { type GraphPart, node, tensor } from '../onnx/messages.ts'
import type { Ensemble } from './ensemble.ts'

/** What trees add up to, by name: the prediction itself, what it is made of, or scores to be calibrated. */
export const sumOf = (ensemble: Ensemble): string => {
  const { task, restore, calibration, calibrations } = ensemble
  if (calibration !== undefined) return 'score'
  if (task === 'multiclass') return calibrations === undefined ? 'probabilities' : 'scores'
  return restore === undefined ? numberOf(ensemble) : 'sum'
}

/** What numbers are called before they are sorted, where they are. */
const numberOf = ({ isSorted }: Ensemble): string => (isSorted ? 'unsorted' : 'prediction')

/** Whether the trees' operator answers as a classifier does: the logistic function is its own. */
export const isClassifier = ({ task, calibration }: Ensemble): boolean => task === 'binary' && calibration === undefined

/** Makes float64 predictions of float32 sums: prediction = sum · scale + offset, operator by operator. */
export function restorePrediction(ensemble: Ensemble): GraphPart {
  const { restore } = ensemble
  if (restore === undefined) return { nodes: [], constants: [] }
  return {
    nodes: [
      node('Cast', '', ['sum'], ['exact_sum'], [['to', 'int', 11]]),
      node('Mul', '', ['exact_sum', 'scale'], ['scaled_sum'], []),
      node('Add', '', ['scaled_sum', 'offset'], [numberOf(ensemble)], []),
    ],
    constants: [tensor('scale', Float64Array.from(restore.scale)), tensor('offset', Float64Array.from(restore.offset))],
  }
}

/** Puts the numbers of a row in ascending order: all of them, as the smallest so many. */
export function sortedPrediction({ isSorted, bases }: Ensemble): GraphPart {
  if (!isSorted) return { nodes: [], constants: [] }
  return {
    nodes: [
      node(
        'TopK',
        '',
        ['unsorted', 'numbers'],
        ['prediction', 'order'],
        [
          ['axis', 'int', 1],
          ['largest', 'int', 0],
        ],
      ),
    ],
    constants: [tensor('numbers', BigInt64Array.of(BigInt(bases.length)))],
  }
}
