import type { Forest, Transform } from './forest.ts'
import { NotCompilable } from './not-compilable.ts'
import type { Ensemble } from './read-ensemble.ts'

/** `voters`: the ids (targets or classes) whose votes are summed up, in the order of the sums. */
type Sums = Pick<Forest, 'sums' | 'divisor' | 'base' | 'transform' | 'scores'> & { readonly voters: readonly number[] }

/** How ONNX Runtime makes answers of the sums. @throws NotCompilable that names what is not understood */
export function sumsOf(ensemble: Ensemble): Sums {
  return (ensemble.isClassifier ? classes : targets)(ensemble)
}

/** A regressor: for each target the sum (or the mean) of the leaves and the base value. */
function targets(ensemble: Ensemble): Sums {
  const { trees, count, aggregate, transform } = ensemble
  if (aggregate !== 'SUM' && aggregate !== 'AVERAGE') throw new NotCompilable(`leaves are aggregated by ${aggregate}`)
  if (count < 1) throw new NotCompilable(`the model has ${count} targets`)
  const known = transformOf(transform)
  const divisor = aggregate === 'AVERAGE' ? trees.length : 1
  // ONNX Runtime transforms one target by PROBIT only.
  return severalOf(ensemble, count === 1 ? 'as it is' : known, divisor)
}

function transformOf(named: string): Transform {
  const transforms: Record<string, Transform> = {
    NONE: 'as it is',
    LOGISTIC: 'logistic',
    SOFTMAX: 'softmax',
    SOFTMAX_ZERO: 'softmax zero',
  }
  const transform = transforms[named]
  if (transform === undefined) throw new NotCompilable(`the post-transform ${named}`)
  return transform
}

function severalOf({ trees, count, base, output }: Ensemble, transform: Transform, divisor: number): Sums {
  if (base.length !== 0 && base.length !== count)
    throw new NotCompilable(`${base.length} base values for ${count} sums`)
  const columns = Array.from({ length: count }, (_, i) => i)
  // A sum that no leaf of a row votes for stays 0, its base value left out.
  for (const column of columns)
    if ((base[column] ?? 0) !== 0 && !isAlwaysVoted(trees, column))
      throw new NotCompilable(`some rows get no vote for sum ${column}, which has a base value`)
  return {
    voters: columns,
    sums: count,
    divisor,
    base: Float32Array.from(columns, (i) => base[i] ?? 0),
    transform,
    scores: { output, columns, width: count },
  }
}

/**
 * A classifier. ONNX is vague about two classes, and the trees decide: leaves that vote for one class id only leave the
 * other's probability to be made from it. This is ONNX Runtime's reading
 * (core/providers/cpu/ml/tree_ensemble_aggregator.h).
 */
function classes(ensemble: Ensemble): Sums {
  const { trees, count, base, transform: named, output } = ensemble
  const transform = transformOf(named)
  if (count < 2) throw new NotCompilable(`a classifier of ${count} classes`)
  if (count > 2) return severalOf(ensemble, transform, 1)
  const votedFor = new Set(trees.flat().flatMap((node) => ('mode' in node ? [] : [...node.adds.keys()])))
  if (votedFor.size === 1) {
    if (!votedFor.has(0)) throw new NotCompilable('all leaves vote for the second class')
    if (base.length > 1) throw new NotCompilable(`${base.length} base values where leaves vote for one class`)
    return {
      voters: [0],
      sums: 1,
      divisor: 1,
      base: Float32Array.of(base[0] ?? 0),
      // Of the transforms, a score that stands for two classes gets LOGISTIC only.
      transform: transform === 'logistic' ? 'logistic' : 'as it is',
      scores: { output, columns: [1], width: 2 },
    }
  }
  // Two classes with votes of their own: only the second is asked for, unless the first has a say in it.
  if (base.length > 0) throw new NotCompilable('base values where leaves vote for both of two classes')
  if (!isAlwaysVoted(trees, 1)) throw new NotCompilable('some rows get no vote for the second class')
  const isJoint = transform === 'softmax' || transform === 'softmax zero'
  const voters = isJoint ? [0, 1] : [1]
  return {
    voters,
    sums: voters.length,
    divisor: 1,
    base: new Float32Array(voters.length),
    transform,
    scores: { output, columns: voters, width: 2 },
  }
}

/** Whether every row ends in a leaf that votes for an id. */
const isAlwaysVoted = (trees: Ensemble['trees'], id: number): boolean =>
  trees.some((tree) => tree.every((node) => 'mode' in node || node.adds.has(id)))
