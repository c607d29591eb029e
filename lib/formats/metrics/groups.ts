/** Rows by their groups: those of the group at place g are rows[starts[g] .. starts[g + 1]), in their old order. */
export interface GroupedRows {
  readonly rows: Uint32Array
  readonly starts: Uint32Array
  /** [rows] the place of each row's group. */
  readonly placeOf: Uint32Array
}

/** @param groups [rows] the number of each row's group; places follow the order in which groups come by */
export function groupRows(groups: ArrayLike<number>): GroupedRows {
  const places = new Map<number, number>()
  const placeOf = Uint32Array.from(groups, (group) => {
    const place = places.get(group) ?? places.size
    places.set(group, place)
    return place
  })
  const starts = new Uint32Array(places.size + 1)
  for (const place of placeOf) starts[place + 1] = (starts[place + 1] as number) + 1
  for (let place = 0; place < places.size; place++)
    starts[place + 1] = (starts[place + 1] as number) + (starts[place] as number)
  const next = starts.slice()
  const rows = new Uint32Array(groups.length)
  placeOf.forEach((place, row) => {
    rows[next[place] as number] = row
    next[place] = (next[place] as number) + 1
  })
  return { rows, starts, placeOf }
}

export const groupCount = ({ starts }: GroupedRows): number => starts.length - 1

/** The rows of the group at a place. */
export const rowsOfGroup = ({ rows, starts }: GroupedRows, place: number): Uint32Array =>
  rows.subarray(starts[place], starts[place + 1])
