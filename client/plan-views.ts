import { SlipwayError } from '../lib/formats/errors.ts'
import type { Plan } from '../lib/formats/plan.ts'
import type { SeenView } from '../lib/formats/view.ts'
import { requireAgreement, standingOf, type ViewStanding } from '../lib/stats/views.ts'
import type { Store } from '../lib/store/store.ts'
import { definitionOf, readView } from '../lib/store/views.ts'

/** How the views of a plan stand to what is published. */
export async function viewsOf(store: Store, plan: Plan): Promise<ViewStanding[]> {
  const { pipeline } = plan
  const steps = plan.steps.filter((step) => step.kind === 'publish')
  return Promise.all(
    steps.map(async (step) =>
      standingOf(await readView(store, step.view), {
        view: step.view,
        pipeline,
        definition: definitionOf(plan, step),
      }),
    ),
  )
}

/**
 * What a run takes along of the views it publishes.
 * @param changed views that are to change, whoever uses them
 * @throws SlipwayError VIEW_DISAGREES where another pipeline uses another definition; USAGE for a view that the
 *   pipeline has not
 */
export function seenViews(
  pipeline: string,
  views: readonly ViewStanding[],
  changed: readonly string[],
): Readonly<Record<string, SeenView>> | undefined {
  const names = views.map(({ view }) => view)
  const unknown = changed.find((name) => !names.includes(name))
  if (unknown !== undefined)
    throw new SlipwayError('USAGE', `--change-view ${unknown}: pipeline "${pipeline}" has no view "${unknown}"`, {
      next: names.length === 0 ? 'p.feature makes one' : `its views are ${names.join(', ')}`,
    })
  for (const standing of views) if (!changed.includes(standing.view)) requireAgreement(standing)
  if (views.length === 0) return undefined
  return Object.fromEntries(
    views.map(({ view, published }): [string, SeenView] => [
      view,
      { since: published?.since ?? null, ...(changed.includes(view) && { isChange: true }) },
    ]),
  )
}
