export interface Line {
  readonly name: string
  /** Null where nothing is known; as many as there are x. */
  readonly values: readonly (number | null)[]
  /** A name of the style sheet: `now`, `then`, `bad`. */
  readonly color: string
  readonly isDashed?: boolean
  /** Dots without a line between them. */
  readonly isDots?: boolean
  readonly isBars?: boolean
}

/** Something that happened at an x: drawn as a line from top to bottom with its words. */
export interface Mark {
  readonly x: number
  readonly words: string
}

export interface ChartProps {
  readonly label: string
  /** Ascending; seconds since 1970 where it is a time line. */
  readonly x: readonly number[]
  readonly lines: readonly Line[]
  readonly isTime?: boolean
  readonly limit?: number | undefined
  readonly marks?: readonly Mark[]
  /** Where y begins and ends; by what there is by default. */
  readonly range?: readonly [number, number]
  readonly xName?: string
  readonly height?: number
}
