import { type Features, isNumbers, sliceColumns } from '../../code/run-features.ts'
import type { Column } from '../../formats/columns.ts'

/** Rows whose features are made a second time: all of a table that has no more, else about as many. */
export const mostRepeated = 100_000

/** Some rows of a table, with what the feature function made of them the first time. */
export interface RepeatSample {
  /** Takes what is picked of the next rows of the table. */
  take(columns: Readonly<Record<string, Column>>, features: Features): void
  picked(): PickedRows
}

/** @property numbers of the rows in the table, from 1, in order */
export interface PickedRows {
  readonly numbers: readonly number[]
  readonly columns: Readonly<Record<string, Column>>
  readonly features: Features
}

/** Whether a row of a table is one of the sample: by a hash of its number, so that no period of the table decides. */
export function isPicked(row: number, rows: number, most = mostRepeated): boolean {
  return rows <= most || hashOf(row) < (most / rows) * 2 ** 32
}

/** The finaliser of MurmurHash3 (Appleby 2011): 32 bits, of which each depends on all of the number. */
function hashOf(row: number): number {
  let hash = Math.imul(row ^ (row >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

export function repeatSample(rows: number, most = mostRepeated): RepeatSample {
  const numbers: number[] = []
  const pieces: { readonly columns: Readonly<Record<string, Column>>; readonly features: Features }[] = []
  let at = 0
  return {
    take(columns, features) {
      const [first = []] = Object.values(columns)
      const places = Array.from({ length: first.length }, (_, i) => i).filter((i) => isPicked(at + i, rows, most))
      for (const place of places) numbers.push(at + place + 1)
      at += first.length
      if (places.length > 0)
        pieces.push({ columns: chosen(columns, places), features: chosen(features, places) as Features })
    },
    picked: () => ({
      numbers,
      columns: joined(pieces.map(({ columns }) => columns)),
      features: joined(pieces.map(({ features }) => features)) as Features,
    }),
  }
}

/** The rows at some places of columns, in that order. */
export function chosen(
  columns: Readonly<Record<string, Column>>,
  places: readonly number[],
): Readonly<Record<string, Column>> {
  return Object.fromEntries(
    Object.entries(columns).map(([name, column]) => {
      if (Array.isArray(column)) return [name, places.map((place) => column[place] as string | null)]
      const values = (column as Float64Array).slice(0, places.length)
      places.forEach((place, i) => {
        values[i] = column[place] as number
      })
      return [name, values]
    }),
  )
}

/** Pieces of columns, one behind the other. */
export function joined(pieces: readonly Readonly<Record<string, Column>>[]): Readonly<Record<string, Column>> {
  const [first] = pieces
  if (first === undefined || pieces.length === 1) return first ?? {}
  return Object.fromEntries(
    Object.keys(first).map((name) => {
      const columns = pieces.map((piece) => piece[name] as Column)
      if (Array.isArray(columns[0])) return [name, columns.flatMap((column) => column as (string | null)[])]
      const arrays = columns as [Float64Array, ...Float64Array[]]
      const values = new (arrays[0].constructor as Float64ArrayConstructor)(
        arrays.reduce((sum, { length }) => sum + length, 0),
      )
      let at = 0
      for (const array of arrays) {
        values.set(array, at)
        at += array.length
      }
      return [name, values]
    }),
  )
}

/** The first feature and row that two executions do not agree on, bit by bit; null where there is none. */
export function firstDifference(
  first: Features,
  second: Features,
): { readonly feature: string; readonly row: number } | null {
  const names = Object.keys(first)
  const missing = names.find((name) => second[name] === undefined) ?? Object.keys(second).find((name) => !first[name])
  if (missing !== undefined) return { feature: missing, row: 0 }
  for (const name of names) {
    const [one, other] = [first[name], second[name]]
    if (one === undefined || other === undefined) continue
    if (isNumbers(one) !== isNumbers(other)) return { feature: name, row: 0 }
    for (let row = 0; row < one.length; row++) if (!Object.is(one[row], other[row])) return { feature: name, row }
  }
  return null
}

/** Pieces of columns, as long as is given. */
export function* piecesOf(
  columns: Readonly<Record<string, Column>>,
  rows: number,
  size: number,
): Generator<Readonly<Record<string, Column>>> {
  for (let from = 0; from < rows; from += size) yield sliceColumns(columns, from, Math.min(from + size, rows))
}
