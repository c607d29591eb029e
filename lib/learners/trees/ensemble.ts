import type { Numbers } from '../../formats/columns.ts'

/**
 * One regression tree as parallel arrays over its nodes, root first. A row goes left where its feature is at most the
 * threshold, or a member of the node's set; a missing one where `missingLeft` says.
 */
export interface Tree {
  /** −1 for leaves. */
  readonly feature: Int32Array
  readonly threshold: Float32Array
  /** By node, where it asks for a set: the categories that go left. */
  readonly members: ReadonlyMap<number, readonly number[]>
  readonly left: Int32Array
  readonly right: Int32Array
  readonly missingLeft: Uint8Array
  /** Of leaves; 0 inside. */
  readonly value: Float32Array
}

export interface Ensemble {
  readonly task: 'binary' | 'regression'
  /** What all trees are added to: log odds or the mean. */
  readonly base: number
  readonly trees: readonly Tree[]
  readonly features: number
  /** What makes predictions of sums, in float64, where float32 cannot hold them: scale · sum + offset. */
  readonly restore?: { readonly scale: number; readonly offset: number } | undefined
}

/** Adds the leaf value that each row ends in, in float32: [rows]. `features[f][row]`, NaN for missing. */
function addTree(tree: Tree, features: readonly Float32Array[], sums: Float32Array): void {
  const { feature, threshold, members, left, right, missingLeft, value } = tree
  const sets = Array.from(feature, (_, node) => new Set(members.get(node)))
  for (let row = 0; row < sums.length; row++) {
    let node = 0
    for (let tested = feature[0] as number; tested >= 0; tested = feature[node] as number) {
      const x = (features[tested] as Float32Array)[row] as number
      // A missing value compares as false.
      const isLeft = members.has(node) ? sets[node]?.has(x) : x <= (threshold[node] as number)
      const goesLeft = isLeft || (missingLeft[node] === 1 && Number.isNaN(x))
      node = (goesLeft ? left[node] : right[node]) as number
    }
    sums[row] = (sums[row] as number) + (value[node] as number)
  }
}

/** The trainer's own predictions, summed in float32 in tree order as ONNX Runtime does: [rows]. */
export function predict(
  { task, base, trees, restore }: Ensemble,
  features: readonly Float32Array[],
  rows: number,
): Numbers {
  const sums = new Float32Array(rows)
  for (const tree of trees) addTree(tree, features, sums)
  if (restore !== undefined) return Float64Array.from(sums, (sum) => sum * restore.scale + restore.offset)
  return sums.map((sum) => (task === 'binary' ? 1 / (1 + Math.exp(-Math.fround(sum + base))) : sum + base))
}
