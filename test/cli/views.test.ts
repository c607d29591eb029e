import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { viewLines } from '../../cli/views.ts'
import type { Forecast } from '../../client/forecast.ts'
import { seenViews } from '../../client/plan-views.ts'
import { plannedViews } from '../../client/planned-views.ts'
import { pipeline } from '../../lib/definition/index.ts'
import type { PublishedView } from '../../lib/formats/view.ts'
import { standingOf, type ViewStanding } from '../../lib/stats/views.ts'

const digest = (letter: string) => `sha256:${letter.repeat(64)}` as const
const Trip = z.object({ passenger: z.string(), flown: z.date() })
const plan = pipeline('a', (p) => {
  const trips = p.snapshot('trips', { from: 'trips.parquet', schema: Trip })
  const history = p.feature('history', {
    from: { trips },
    sql: 'SELECT …',
    schema: Trip,
    key: 'passenger',
    known: 'flown',
  })
  p.table('beside', { from: { trips }, sql: 'SELECT …', schema: Trip })
  p.table('kept', { from: { history }, sql: 'SELECT …', schema: Trip })
  p.validate(p.table('late', { from: { history }, sql: 'SELECT …', schema: Trip }))
}).compile(() => ({ name: '', file: '', digest: digest('c'), host: {} }))

const published: PublishedView = {
  slipway: 'view/1',
  name: 'history',
  revision: 4,
  definition: digest('a'),
  since: 2,
  table: { digest: digest('7'), rows: 3 },
  key: ['passenger'],
  known: 'flown',
  publishedAt: '2026-01-01T00:00:00.000Z',
  run: 'b-1',
  pipelines: { a: { definition: digest('a'), run: 'a-1' }, b: { definition: digest('a'), run: 'b-1' } },
}
const standing = (definition = digest('b'), view: PublishedView | null = published): ViewStanding =>
  standingOf(view ?? undefined, { view: 'history', pipeline: 'a', definition })
const forecasts = plan.steps.map(
  ({ id, kind }): Forecast => ({
    step: id,
    kind,
    state: ['trips', 'kept'].includes(id) ? 'reused' : 'runs',
    reason: '',
    stepKey: null,
  }),
)
const linesOf = (view: ViewStanding): string[] => viewLines('a', plannedViews(plan, [view], forecasts))

describe('the views of a plan', () => {
  it('are a line each, with the digest here, the one published, and who uses it', () => {
    expect(linesOf(standing(digest('a'), null))).toEqual([
      '\nview history aaaaaaaaaaaa: not published; a run publishes it',
    ])
    expect(linesOf(standing(digest('a')))).toEqual([
      '\nview history aaaaaaaaaaaa: published aaaaaaaaaaaa, revision 4, used by a, b; as it is published',
    ])
  })

  it('list what becomes stale: the steps here that rest on them and are not reused, and the other pipelines', () => {
    expect(linesOf(standing())).toEqual([
      '\nview history bbbbbbbbbbbb: published aaaaaaaaaaaa, revision 4, used by a, b; a run is refused, for others use it as it is published',
      '  stale: a (history, publish, late, validate); b',
      '  next: take their definition, or slipway run a --change-view history',
    ])
    const alone = { ...published, pipelines: { a: { definition: digest('a'), run: 'a-1' } } }
    expect(linesOf(standing(digest('b'), alone))[0]).toContain('a run changes it: nobody else uses it')
  })
})

describe('what a run takes along of its views', () => {
  it('is nothing where there are none, and which definition was seen where there are', () => {
    expect(seenViews('a', [], [])).toBeUndefined()
    expect(seenViews('a', [standing(digest('a'), null)], [])).toEqual({ history: { since: null } })
    expect(seenViews('a', [standing(digest('a'))], [])).toEqual({ history: { since: 2 } })
  })

  it('is refused where others use another definition, unless the view is named as one that is to change', () => {
    expect(() => seenViews('a', [standing()], [])).toThrow(expect.objectContaining({ code: 'VIEW_DISAGREES' }))
    expect(seenViews('a', [standing()], ['history'])).toEqual({ history: { since: 2, isChange: true } })
    expect(() => seenViews('a', [standing()], ['histories'])).toThrow(
      expect.objectContaining({ code: 'USAGE', facts: { next: 'its views are history' } }),
    )
    expect(() => seenViews('a', [], ['history'])).toThrow(expect.objectContaining({ code: 'USAGE' }))
  })
})
