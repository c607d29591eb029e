import { SlipwayError } from '../formats/errors.ts'
import { groupCount, groupRows, rowsOfGroup } from '../formats/metrics/groups.ts'
import type { LabelledFeatures } from './dataset.ts'

/** A part of a split by name, with the groups of its rows. */
export interface GroupedPart {
  readonly part: string
  readonly groups: Iterable<string | number>
}

/**
 * No group may be in two parts: what is known of some of its rows would tell of the others.
 * @param column that names groups
 * @throws SlipwayError GROUP_TORN
 */
export function requireWholeGroups(column: string, parts: readonly GroupedPart[]): void {
  const partOf = new Map<string | number, string>()
  const torn = new Map<string | number, string>()
  for (const { part, groups } of parts)
    for (const group of groups) {
      const other = partOf.get(group)
      if (other === undefined) partOf.set(group, part)
      else if (other !== part) torn.set(group, `${other} and ${part}`)
    }
  const [first] = torn
  if (first === undefined) return
  const [group, where] = first
  const says = (what: string): string =>
    `the split tears groups of "${column}" apart: ${what} is in ${where}, and so are ${torn.size} of ${partOf.size} groups in two parts`
  throw new SlipwayError('GROUP_TORN', says('one'), {
    inFull: says(JSON.stringify(group)),
    next: `split by byHashOf: '${column}', or by a time that is the same for all rows of a group`,
  })
}

/** @throws SlipwayError SINGLE_CLASS where no group has rows that are worth more than others */
export function requireOrder({ labels, groups }: LabelledFeatures, target: string): void {
  if (groups === undefined) return
  const grouped = groupRows(groups.numbers)
  const count = groupCount(grouped)
  for (let place = 0; place < count; place++) {
    const [first, ...others] = rowsOfGroup(grouped, place)
    if (others.some((row) => labels[row] !== labels[first as number])) return
  }
  throw new SlipwayError(
    'SINGLE_CLASS',
    `in none of the ${count} groups of the training rows is one row worth more than another by "${target}": there is no order to learn`,
    { next: 'check the target, the column of the group, and the training part of the split' },
  )
}
