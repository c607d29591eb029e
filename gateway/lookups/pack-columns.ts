import { SlipwayError } from '../../lib/formats/errors.ts'
import type { KeyPart, PackedColumn } from './packed-table.ts'

/** Counts the bytes of arrays. @throws SlipwayError LOOKUP_TOO_LARGE past the limit */
export type Budget = (bytes: number) => void

/** @param limit bytes that may be taken */
export function budgetOf(limit: number): Budget & { spent(): number } {
  let spent = 0
  const take = (bytes: number): void => {
    spent += bytes
    if (spent > limit)
      throw new SlipwayError(
        'LOOKUP_TOO_LARGE',
        `it takes more than the ${Math.floor(limit / 2 ** 20)} MB that are left`,
      )
  }
  return Object.assign(take, { spent: () => spent })
}

/** A column that is filled place by place; it grows as places come. */
export interface ColumnPacker {
  /** @param part undefined for a missing value */
  set(place: number, part: KeyPart | undefined): void
  /** What was set so far, as it is compared; it grows on. */
  readonly column: PackedColumn
  /** The column at its size. */
  packed(places: number): PackedColumn
}

export const packer = (isText: boolean, budget: Budget): ColumnPacker =>
  isText ? textPacker(budget) : numberPacker(budget)

function numberPacker(budget: Budget): ColumnPacker {
  const column = { kind: 'numbers' as const, values: new Float64Array(0) }
  return {
    column,
    set(place, part) {
      if (place >= column.values.length) column.values = grown(column.values, place + 1, budget)
      column.values[place] = part === undefined ? Number.NaN : (part as number)
    },
    packed: (places) => ({ ...column, values: column.values.slice(0, places) }),
  }
}

function textPacker(budget: Budget): ColumnPacker {
  const column = {
    kind: 'texts' as const,
    bytes: new Uint8Array(0),
    starts: new Uint32Array(0),
    ends: new Uint32Array(0),
  }
  let used = 0
  return {
    column,
    set(place, part) {
      if (place >= column.starts.length) {
        column.starts = grown(column.starts, place + 1, budget)
        column.ends = grown(column.ends, place + 1, budget)
      }
      if (part === undefined) {
        column.starts[place] = 1
        column.ends[place] = 0
        return
      }
      const bytes = part as Uint8Array
      if (used + bytes.length > column.bytes.length) column.bytes = grown(column.bytes, used + bytes.length, budget)
      column.bytes.set(bytes, used)
      column.starts[place] = used
      used += bytes.length
      column.ends[place] = used
    },
    packed: (places) => ({
      ...column,
      bytes: column.bytes.slice(0, used),
      starts: column.starts.slice(0, places),
      ends: column.ends.slice(0, places),
    }),
  }
}

/** At least twice as long as before, so that what is copied is no more than what is there. */
function grown<Values extends Float64Array | Uint32Array | Uint8Array>(
  values: Values,
  least: number,
  budget: Budget,
): Values {
  const length = Math.max(least, 2 * values.length, 64)
  budget((length - values.length) * values.BYTES_PER_ELEMENT)
  const longer = new (values.constructor as new (length: number) => Values)(length)
  longer.set(values as never)
  return longer
}
