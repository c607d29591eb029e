/**
 * One regression tree as parallel arrays over its nodes, root first. A row goes left where its feature is at most the
 * threshold; a missing one where `missingLeft` says.
 */
export interface Tree {
  /** −1 for leaves. */
  readonly feature: Int32Array
  readonly threshold: Float32Array
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
}

/** The leaf value a row ends in. `features[f][row]`, NaN for missing. */
export function leafValue(tree: Tree, features: readonly Float32Array[], row: number): number {
  let node = 0
  for (let feature = tree.feature[0] as number; feature >= 0; feature = tree.feature[node] as number) {
    const value = (features[feature] as Float32Array)[row] as number
    const goesLeft = Number.isNaN(value) ? tree.missingLeft[node] === 1 : value <= (tree.threshold[node] as number)
    node = (goesLeft ? tree.left[node] : tree.right[node]) as number
  }
  return tree.value[node] as number
}

/** The trainer's own predictions, summed in float32 in tree order as ONNX Runtime does: [rows]. */
export function predict(
  { task, base, trees }: Ensemble,
  features: readonly Float32Array[],
  rows: number,
): Float32Array {
  const predictions = new Float32Array(rows)
  for (let row = 0; row < rows; row++) {
    let sum = 0
    for (const tree of trees) sum = Math.fround(sum + leafValue(tree, features, row))
    sum = Math.fround(sum + base)
    predictions[row] = task === 'binary' ? 1 / (1 + Math.exp(-sum)) : sum
  }
  return predictions
}
