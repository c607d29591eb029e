/** How a node compares a value with its threshold (ONNX, nodes_modes). */
export const branchModes = ['BRANCH_LEQ', 'BRANCH_LT', 'BRANCH_GTE', 'BRANCH_GT', 'BRANCH_EQ', 'BRANCH_NEQ'] as const
export type BranchMode = (typeof branchModes)[number]

/** An inner node (a test with two children, by index) or a leaf (what it adds, by sum). */
export type TreeNode =
  | {
      readonly mode: BranchMode
      readonly feature: number
      readonly threshold: number
      readonly missingTrue: boolean
      readonly onTrue: number
      readonly onFalse: number
    }
  | { readonly adds: ReadonlyMap<number, number> }

/** Nodes of one tree, root first. */
export type ForestTree = readonly TreeNode[]

/** Where the columns of the trees come from: an input of the graph as numbers [rows, width], or as text by a map to numbers. */
export type ForestInput =
  | { readonly name: string; readonly kind: 'number'; readonly width: number }
  | {
      readonly name: string
      readonly kind: 'category'
      readonly codes: ReadonlyMap<string, number>
      readonly otherwise: number
    }

/** What becomes of the sums of a row. `as it is` leaves them. */
export type Transform = 'as it is' | 'logistic' | 'softmax' | 'softmax zero'

/** A tree ensemble as ONNX Runtime computes it, whatever graph it came from. */
export interface Forest {
  readonly inputs: readonly ForestInput[]
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
  /** The node's name for its scores [rows, width], and which of their columns the answers are: [sums]. */
  readonly scores: { readonly output: string; readonly columns: readonly number[]; readonly width: number }
}
