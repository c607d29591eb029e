import { gainMetrics } from '../../formats/metrics/gain.ts'
import { measureRows } from '../../formats/metrics/index.ts'
import type { Objective } from './objective.ts'
import { largestOf } from './pairs.ts'
import { gradientScale, hessianScale } from './tables.ts'

/**
 * The objective of a ranking. Its loss, by which training stops early, is 1 − NDCG of the validation rows over all
 * ranks, as metrics have it.
 * @param validation the groups of the validation rows
 */
export function rankingObjective(validation: Uint32Array): Objective {
  return {
    gradients(_, __, crew) {
      crew.run('findLambdas')
      crew.run('packLambdas')
    },
    update: 'updateScores',
    units(memory, heaviest = 1) {
      const { largest, steepest } = largestOf(memory)
      return { gradient: (heaviest * largest) / gradientScale, hessian: (heaviest * steepest) / hessianScale }
    },
    loss(_, { rows, scores, classes }) {
      const scored = {
        predictions: scores.subarray(rows),
        labels: Float64Array.from(classes.subarray(rows)),
        groups: validation,
      }
      return 1 - measureRows(gainMetrics.ndcg, scored)
    },
    isMean: true,
    lossPower: 0,
  }
}
