import type { PlannedView } from '../client/planned-views.ts'
import { shortDigest } from '../lib/formats/artifact.ts'

const inWords: Readonly<Record<PlannedView['state'], string>> = {
  new: 'a run publishes it',
  same: 'as it is published',
  changes: 'a run changes it: nobody else uses it',
  disagrees: 'a run is refused, for others use it as it is published',
}

/** A line a view, and one of what is stale. */
export function viewLines(pipeline: string, views: readonly PlannedView[]): string[] {
  return views.flatMap(({ view, definition, state, published, usedBy, stale }) => {
    const there =
      published === null
        ? 'not published'
        : `published ${shortDigest(published.definition)}, revision ${published.revision}, used by ${usedBy.join(', ') || 'nobody'}`
    const each = stale.map(({ pipeline, steps = [] }) =>
      steps.length === 0 ? pipeline : `${pipeline} (${steps.join(', ')})`,
    )
    return [
      `\nview ${view} ${shortDigest(definition)}: ${there}; ${inWords[state]}`,
      ...(each.length === 0 ? [] : [`  stale: ${each.join('; ')}`]),
      ...(state === 'disagrees'
        ? [`  next: take their definition, or slipway run ${pipeline} --change-view ${view}`]
        : []),
    ]
  })
}
