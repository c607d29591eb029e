import type { Plan } from '../lib/formats/plan.ts'
import { outlineOf } from '../lib/formats/plan-outline.ts'
import { readsOf } from '../lib/formats/step-inputs.ts'
import type { PublishedView } from '../lib/formats/view.ts'
import type { ViewStanding } from '../lib/stats/views.ts'
import type { Forecast } from './forecast.ts'

/** A view of a plan, and what of it a run would change. */
export interface PlannedView extends Pick<ViewStanding, 'view' | 'definition' | 'state' | 'usedBy'> {
  readonly published: Pick<PublishedView, 'definition' | 'revision' | 'run' | 'publishedAt'> | null
  /** Pipelines that do not use this definition; of the planned one with the steps that it makes run. */
  readonly stale: readonly { readonly pipeline: string; readonly steps?: readonly string[] }[]
}

/** The views of a plan, with what becomes stale by a run or is already. */
export function plannedViews(
  plan: Plan,
  views: readonly ViewStanding[],
  forecasts: readonly Forecast[],
): PlannedView[] {
  return views.map(({ view, pipeline, definition, state, usedBy, published, stale }) => ({
    view,
    definition,
    state,
    usedBy,
    published: published === undefined ? null : saidOf(published),
    stale: stale.map((name) =>
      name === pipeline ? { pipeline: name, steps: staleSteps(plan, view, forecasts) } : { pipeline: name },
    ),
  }))
}

const saidOf = ({ definition, revision, run, publishedAt }: PublishedView): PlannedView['published'] => ({
  definition,
  revision,
  run,
  publishedAt,
})

/** The steps that make a view, or rest on it, and are not reused. */
function staleSteps(plan: Plan, view: string, forecasts: readonly Forecast[]): string[] {
  const made = plan.steps.flatMap((step) => (step.kind === 'publish' && step.view === view ? step.table : []))
  const outline = outlineOf(plan)
  const below = new Set(made)
  // Steps stand in an order in which they can run.
  for (const step of outline.steps)
    if (Object.values(readsOf(outline, step)).some((read) => below.has(read.step))) below.add(step.id)
  return forecasts.flatMap(({ step, state }) => (below.has(step) && state === 'runs' ? step : []))
}
