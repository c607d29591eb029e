import { type Bins, binsOf, type Classes, classesOf } from './bins.ts'
import type { Forest, ForestTree } from './forest.ts'
import { NotCompilable } from './not-compilable.ts'

/** Rows that are scored at a time: their bins and sums stay in the first-level cache while the trees go by. */
export const chunkRows = 512
/** Leaves a tree may have. */
const mostLeaves = 1024
/** Vectors that all passes load for a row: each is some bytes of code. */
const mostLoads = 200_000
/** What tables may take. */
const mostTableBytes = 64 * 2 ** 20

/** Trees that are gone through together, while all rows of a chunk pass by. All add to one sum. */
export interface Pass {
  readonly sum: number
  /** Those of the forest that add to the sum, in order; the last pass of a sum may be short. */
  readonly trees: readonly ForestTree[]
  readonly masks: readonly Masks[]
  /** Where the leaves' values begin: [trees a pass][lane bits] float32. */
  readonly leavesAt: number
}

/** What a pass knows of a feature that any of its trees asks for. */
export interface Masks extends Classes {
  readonly feature: number
  /** Where the masks of its classes begin: [classes][vectors · 16 bytes]. */
  readonly at: number
  /** Where their offsets begin, by the feature's bins: [bins] of `mapBytes`. */
  readonly mapAt: number
}

/** Where everything lies in the module's memory, and how the trees are shared out. Offsets in bytes. */
export interface Layout {
  readonly forest: Forest
  readonly bins: readonly Bins[]
  /** Bits a tree's mask of leaves has: 32 times a power of two. */
  readonly laneBits: number
  /** 128-bit vectors of masks that a pass combines, and trees in them. */
  readonly vectors: number
  readonly treesAPass: number
  readonly passes: readonly Pass[]
  /** Of each feature: its cuts (padded by infinities) and the first guesses. */
  readonly cutsAt: readonly number[]
  readonly startsAt: readonly number[]
  /** The table of 2^(i/32) for the exponential: [32] 64-bit integers. */
  readonly powersAt: number
  /** All tables end here; behind them is room for a chunk. */
  readonly tableBytes: number
  /** Values, float32: [features][chunk]. */
  readonly valuesAt: number
  /** Bins, as offsets into maps: [features][chunk] of 16 or 32 bits. */
  readonly placesAt: number
  readonly mapBytes: 2 | 4
  readonly placeBytes: 2 | 4
  /** Sums, float32: [sums][chunk]. */
  readonly sumsAt: number
  /** Answers, float32: [answers][chunk]. */
  readonly answersAt: number
  readonly memoryBytes: number
}

/** Plans the memory of a forest's compiled model. @throws NotCompilable when a tree or the tables are too large */
export function layoutOf(forest: Forest): Layout {
  const bins = binsOf(forest)
  const leaves = Math.max(1, ...forest.trees.map(leafCount))
  if (leaves > mostLeaves) throw new NotCompilable(`a tree has ${leaves} leaves; masks hold ${mostLeaves}`)
  const most = Math.max(...bins.map(({ cuts }) => cuts.length))
  if (most > 65_000) throw new NotCompilable(`a feature has ${most} thresholds; 65,000 are the most`)
  const laneBits = 32 * 2 ** Math.ceil(Math.log2(Math.max(1, leaves / 32)))
  // Two vectors a pass: fewer reload a row's bins too often, more push the masks out of the first-level cache.
  const vectors = Math.max(2, laneBits / 128)
  const treesAPass = (vectors * 128) / laneBits

  // Leaves' values are read 508 bytes before where they lie (see `leafReader`).
  let end = 512
  const place = (bytes: number): number => {
    const at = end
    end = Math.ceil((end + bytes) / 16) * 16
    return at
  }
  const powersAt = place(32 * 8)
  const cutsAt = bins.map(({ cuts, cells }) => place((cuts.length + 2 ** cells.steps) * 4))
  const startsAt = bins.map(({ cells }) => place(cells.starts.byteLength))
  const groups = groupsOf(forest, treesAPass)
  // A pass's trees tell few of a feature's bins apart: a map to those, one load more, keeps a pass's masks in the
  // first-level cache however many features there are.
  const maskBytes = vectors * 16
  const told = groups.map(({ trees }) =>
    [...new Set(trees.flatMap(featuresOf))]
      .sort((a, b) => a - b)
      .map((feature) => ({ feature, ...classesOf(trees, feature) })),
  )
  const loads = told.reduce((sum, features) => sum + features.length * vectors, 0)
  if (loads > mostLoads) throw new NotCompilable(`its code would load ${loads} masks a row; ${mostLoads} are the most`)
  const mapBytes = Math.max(0, ...told.flat().map(({ values }) => values.length * maskBytes)) <= 65_535 ? 2 : 4
  const passes = groups.map(({ sum, trees }, i): Pass => {
    const masks = (told[i] as (typeof told)[number]).map((classes) => ({
      ...classes,
      at: place(classes.values.length * maskBytes),
      mapAt: place((bins[classes.feature] as Bins).count * mapBytes),
    }))
    return { sum, trees, masks, leavesAt: place(treesAPass * laneBits * 4) }
  })
  const tableBytes = end
  if (tableBytes > mostTableBytes)
    throw new NotCompilable(
      `its tables would take ${Math.ceil(tableBytes / 2 ** 20)} MB; ${mostTableBytes / 2 ** 20} are the most`,
    )
  const placeBytes = (most + 2) * mapBytes <= 65_535 ? 2 : 4
  const valuesAt = place(forest.features * chunkRows * 4)
  const placesAt = place(forest.features * chunkRows * placeBytes)
  const sumsAt = place(forest.sums * chunkRows * 4)
  const answersAt = place(forest.sums * chunkRows * 4)
  return {
    forest,
    bins,
    laneBits,
    vectors,
    treesAPass,
    passes,
    cutsAt,
    startsAt,
    powersAt,
    tableBytes,
    valuesAt,
    placesAt,
    mapBytes,
    placeBytes,
    sumsAt,
    answersAt,
    memoryBytes: end,
  }
}

/**
 * The trees that add to each sum, in their order, in groups of a pass. A tree that adds to several is in a group of
 * each.
 */
function groupsOf({ trees, sums }: Forest, treesAPass: number): { sum: number; trees: ForestTree[] }[] {
  const groups: { sum: number; trees: ForestTree[] }[] = []
  for (let sum = 0; sum < sums; sum++) {
    const own = trees.filter((tree) => tree.some((node) => 'adds' in node && node.adds.has(sum)))
    for (let i = 0; i < own.length; i += treesAPass) groups.push({ sum, trees: own.slice(i, i + treesAPass) })
  }
  return groups
}

const leafCount = (tree: ForestTree): number => tree.filter((node) => 'adds' in node).length
const featuresOf = (tree: ForestTree): number[] => tree.flatMap((node) => ('mode' in node ? [node.feature] : []))
