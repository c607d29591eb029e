import { type Digest, shortDigest } from '../formats/artifact.ts'
import { SlipwayError } from '../formats/errors.ts'
import type { PublishedView, SeenView } from '../formats/view.ts'

/** A table that a run would publish as a view. */
export interface Publication extends Pick<PublishedView, 'name' | 'definition' | 'table' | 'key' | 'known' | 'run'> {
  readonly pipeline: string
  /** What the planning of the run saw. */
  readonly seen: SeenView
}

/** How the definition of a view in a pipeline stands to what is published. */
export interface ViewStanding {
  readonly view: string
  readonly pipeline: string
  /** That of the pipeline. */
  readonly definition: Digest
  readonly published: PublishedView | undefined
  /**
   * `new`: nothing is published. `same`: as it is published. `changes`: nobody else uses what is published, which a run
   * takes the place of. `disagrees`: others use it.
   */
  readonly state: 'new' | 'same' | 'changes' | 'disagrees'
  /** Pipelines that use the published definition, this one perhaps among them. */
  readonly usedBy: readonly string[]
  /** Pipelines that do not use the definition that this one has; this one too where it is not the published one. */
  readonly stale: readonly string[]
}

/** Compares the definition of a view in a pipeline with what is published, if anything is. */
export function standingOf(
  published: PublishedView | undefined,
  { view, pipeline, definition }: Pick<ViewStanding, 'view' | 'pipeline' | 'definition'>,
): ViewStanding {
  const common = { view, pipeline, definition, published }
  if (published === undefined) return { ...common, state: 'new', usedBy: [], stale: [] }
  const uses = Object.entries(published.pipelines)
  const usedBy = uses.filter(([, use]) => use.definition === published.definition).map(([name]) => name)
  const others = uses.filter(([name, use]) => use.definition !== definition && name !== pipeline).map(([name]) => name)
  if (published.definition === definition) return { ...common, state: 'same', usedBy, stale: others.sort() }
  const state = usedBy.some((name) => name !== pipeline) ? 'disagrees' : 'changes'
  return { ...common, state, usedBy, stale: [pipeline, ...others].sort() }
}

/**
 * A view after a publication; the same object where that run published it already. Rows of the same definition take the
 * place of those before, whoever made them. Another definition does where it is the change of one pipeline alone, or
 * somebody said that the view is to change; and only of the definition that was seen when the run was planned.
 * @param at ISO time
 * @throws SlipwayError VIEW_DISAGREES, with both digests
 */
export function publishView(current: PublishedView | undefined, order: Publication, at: string): PublishedView {
  const { name, definition, table, key, known, run, pipeline, seen } = order
  const use = { definition, run }
  const before = current?.pipelines[pipeline]
  if (current !== undefined && before?.run === run && before.definition === definition) return current
  const standing = standingOf(current, { view: name, pipeline, definition })
  const isKept = current !== undefined && current.definition === definition
  if (current !== undefined && !isKept) {
    if (seen.since !== current.since) throw movedView(standing, current)
    if (seen.isChange !== true) requireAgreement(standing)
  }
  const revision = (current?.revision ?? 0) + 1
  return {
    slipway: 'view/1',
    name,
    revision,
    definition,
    since: isKept ? current.since : revision,
    table,
    key,
    known,
    publishedAt: at,
    run,
    pipelines: { ...current?.pipelines, [pipeline]: use },
  }
}

/** @throws SlipwayError VIEW_DISAGREES where other pipelines use another definition of the view */
export function requireAgreement({ view, pipeline, definition, published, state, usedBy }: ViewStanding): void {
  if (state !== 'disagrees' || published === undefined) return
  const others = usedBy.filter((name) => name !== pipeline)
  throw new SlipwayError(
    'VIEW_DISAGREES',
    `view "${view}" is ${shortDigest(definition)} in pipeline "${pipeline}"; published is ${shortDigest(published.definition)}, which ${others.join(', ')} use${others.length === 1 ? 's' : ''}`,
    { next: `take their definition, or make yours the view's: slipway run ${pipeline} --change-view ${view}` },
  )
}

/** The answer to a publication that was planned when another definition was published, or none. */
function movedView({ view, pipeline, definition }: ViewStanding, now: PublishedView): SlipwayError {
  return new SlipwayError(
    'VIEW_DISAGREES',
    `view "${view}" is ${shortDigest(definition)} in pipeline "${pipeline}"; since it was planned, run ${now.run} published ${shortDigest(now.definition)}`,
    { next: `see what becomes stale: slipway plan ${pipeline}` },
  )
}
