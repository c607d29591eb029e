/**
 * How a node compares a value with its threshold (ONNX, nodes_modes), in the order of their numbers in ai.onnx.ml 5.
 */
export const comparisons = ['BRANCH_LEQ', 'BRANCH_LT', 'BRANCH_GTE', 'BRANCH_GT', 'BRANCH_EQ', 'BRANCH_NEQ'] as const

/** What a node asks of a feature's value: how it compares with a threshold, or whether it is a member of a set. */
export type Question =
  | { readonly mode: (typeof comparisons)[number]; readonly threshold: number }
  | { readonly mode: 'BRANCH_MEMBER'; readonly members: ReadonlySet<number> }

/** An inner node: a question about a feature, what NaN answers, and the children for both answers, by index. */
export type TestNode = Question & {
  readonly feature: number
  readonly missingTrue: boolean
  readonly onTrue: number
  readonly onFalse: number
}

/** An inner node or a leaf (what it adds, by sum). */
export type TreeNode = TestNode | { readonly adds: ReadonlyMap<number, number> }

/** Nodes of one tree, root first. */
export type ForestTree = readonly TreeNode[]

/**
 * Where the columns of the trees come from: an input of the graph as numbers [rows, width], or as text by a map to
 * numbers.
 */
export type ForestInput =
  | { readonly name: string; readonly kind: 'number'; readonly width: number }
  | {
      readonly name: string
      readonly kind: 'category'
      readonly codes: ReadonlyMap<string, number>
      readonly otherwise: number
    }

/** A column of the trees' scores, or one minus it. */
export interface ScoreColumn {
  readonly of: number
  readonly isComplement: boolean
}

/**
 * An output of the graph that is made of scores: what its columns are [rows, columns]. The last one is the last score.
 */
export interface ForestOutput {
  readonly name: string
  readonly columns: readonly ScoreColumn[]
}

/** What becomes of the sums of a row. `as it is` leaves them. */
export type Transform = 'as it is' | 'logistic' | 'softmax' | 'softmax zero'

/** A tree ensemble as ONNX Runtime computes it, whatever graph it came from. */
export interface Forest {
  readonly inputs: readonly ForestInput[]
  readonly outputs: readonly ForestOutput[]
  /** Columns the trees see: those of the inputs, one after the other. */
  readonly features: number
  readonly trees: readonly ForestTree[]
  /** Leaves are added up in as many sums a row. */
  readonly sums: number
  /** Each sum is divided by this (the number of trees where they are averaged, else 1) … */
  readonly divisor: number
  /** … and this is added: [sums]. */
  readonly base: Float32Array
  readonly transform: Transform
  /** The answers of a row are put in ascending order, equal ones in that of their sums. */
  readonly isSorted?: true
  /** The trees' name for their scores [rows, width], and which of their columns the answers are: [sums]. */
  readonly scores: { readonly output: string; readonly columns: readonly number[]; readonly width: number }
}
