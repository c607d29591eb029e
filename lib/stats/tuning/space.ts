import type { Dimension, Parameters, Space } from '../../formats/tuning.ts'

/** A dimension with its name: `dimensionsOf` puts them in order, so that the order of a definition says nothing. */
export type NamedDimension = Dimension & { readonly name: string }

/**
 * A point of a space, a coordinate a dimension: of a number its place between the bounds, in [0, 1], on the
 * dimension's own scale; of a choice the index of its value.
 */
export type Point = readonly number[]

/** The dimensions of a space, in the order of their names' code units. */
export function dimensionsOf(space: Space): NamedDimension[] {
  return Object.keys(space)
    .sort()
    .map((name) => ({ name, ...(space[name] as Dimension) }))
}

/** How many points a space has; infinitely many with a number between two bounds. */
export function pointsIn(dimensions: readonly Dimension[]): number {
  return dimensions.reduce((product, dimension) => product * valuesOf(dimension), 1)
}

/** How many values a dimension has. */
export function valuesOf(dimension: Dimension): number {
  if (dimension.kind === 'choice') return dimension.of.length
  if (dimension.from === dimension.to) return 1
  return dimension.kind === 'whole' ? dimension.to - dimension.from + 1 : Number.POSITIVE_INFINITY
}

/** The point of some parameters. Whole numbers lie in the middle of the cell that is rounded to them. */
export function pointOf(dimensions: readonly NamedDimension[], parameters: Parameters): number[] {
  return dimensions.map((dimension) => {
    const value = parameters[dimension.name]
    return dimension.kind === 'choice' ? dimension.of.indexOf(value as string) : placeOf(dimension, Number(value))
  })
}

/** The parameters at some uniform numbers of [0, 1), one a dimension: uniform ones make a uniform sample. */
export function parametersAt(dimensions: readonly NamedDimension[], uniform: readonly number[]): Parameters {
  return Object.fromEntries(
    dimensions.map((dimension, i) => {
      const u = uniform[i] as number
      if (dimension.kind !== 'choice') return [dimension.name, valueAt(dimension, u)]
      return [dimension.name, dimension.of[Math.min(dimension.of.length - 1, Math.floor(u * dimension.of.length))]]
    }) as [string, number][],
  )
}

/** The parameters of a point. */
export function parametersOf(dimensions: readonly NamedDimension[], point: Point): Parameters {
  return parametersAt(
    dimensions,
    dimensions.map((dimension, i) =>
      dimension.kind === 'choice' ? ((point[i] as number) + 0.5) / dimension.of.length : (point[i] as number),
    ),
  )
}

/** What of [0, 1] is rounded to the same whole number as a place. */
export function cellAt(dimension: Dimension & { kind: 'whole' }, place: number): readonly [number, number] {
  const value = valueAt(dimension, place)
  return [placeOf(dimension, value - 0.5), placeOf(dimension, value + 0.5)]
}

type Numeric = Exclude<Dimension, { kind: 'choice' }>

/** Bounds as the scale has them; whole numbers reach half a one further: the last are as likely as others. */
function reach({ kind, from, to, scale }: Numeric): readonly [number, number] {
  const half = kind === 'whole' ? 0.5 : 0
  return scale === 'log' ? [Math.log(from - half), Math.log(to + half)] : [from - half, to + half]
}

function placeOf(dimension: Numeric, value: number): number {
  const [low, high] = reach(dimension)
  if (high === low) return 0.5
  const at = dimension.scale === 'log' ? Math.log(value) : value
  return Math.min(1, Math.max(0, (at - low) / (high - low)))
}

function valueAt(dimension: Numeric, place: number): number {
  const [low, high] = reach(dimension)
  const at = low + place * (high - low)
  const value = dimension.scale === 'log' ? Math.exp(at) : at
  const rounded = dimension.kind === 'whole' ? Math.round(value) : shortened(value, dimension.to - dimension.from)
  return Math.min(dimension.to, Math.max(dimension.from, rounded))
}

/** Four digits, of the value or of the span where that is smaller: what people read, and no engine's rounding shows. */
function shortened(value: number, span: number): number {
  if (value === 0 || span === 0) return value
  const powerOf = (size: number): number => Math.floor(Math.log10(size))
  const extra = Math.max(0, powerOf(Math.abs(value)) - powerOf(span))
  return Number(value.toPrecision(Math.min(17, 4 + extra)))
}

/** The point at a place of a list of all points of a space that has finitely many. */
export function pointAt(dimensions: readonly Dimension[], index: number): number[] {
  let rest = index
  return dimensions.map((dimension) => {
    const values = valuesOf(dimension)
    const i = rest % values
    rest = Math.floor(rest / values)
    return dimension.kind === 'choice' ? i : placeOf(dimension, dimension.from + i)
  })
}
