import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type Builder, lookup, pipeline, regression, trees } from '../../lib/definition/index.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { type DescribedSnapshot, type Lookup, requestSchema, type Snapshot } from '../../lib/formats/lookup.ts'
import type { CodeRef, Plan } from '../../lib/formats/plan.ts'
import { graphOf } from '../../lib/formats/plan-graph.ts'
import { outlineOf } from '../../lib/formats/plan-outline.ts'
import { changeRoute, type ModelVersion, Route, type RouteChange } from '../../lib/formats/route.ts'
import type { RowSchema } from '../../lib/formats/row-schema.ts'
import { stepOf } from '../../lib/formats/step-inputs.ts'
import { packPlan, unpackPlan } from '../../lib/formats/stored-plan.ts'

const code: CodeRef = { name: 'f', file: 'f.ts', digest: `sha256:${'c'.repeat(64)}`, host: {} }
const Trip = z.object({
  passenger: z.string(),
  flown: z.date(),
  flights: z.number().nullable(),
  tier: z.string(),
  delay: z.number(),
})
const History = z.object({
  passenger: z.string(),
  known_at: z.date(),
  flights: z.number(),
  rank: z.string().nullable(),
})

/** A plan that deploys what may look up as the function says. */
function planOf(
  looks: (p: Builder, history: ReturnType<typeof historyOf>) => readonly unknown[] | undefined,
  target?: string,
): Plan {
  const define = (p: Builder): void => {
    const trips = p.snapshot('trips', { from: 'trips.parquet', schema: Trip })
    const parts = p.split(trips, { by: 'flown', test: '7d', validation: '7d' })
    const features = ({ flights }: { flights: Float64Array }) => ({ flights })
    const model = p.train('m', { on: parts, features, target: regression('delay'), learner: trees(), seed: 1 })
    const lookups = looks(p, historyOf(p))
    p.deploy(p.package(model), {
      endpoint: 'live',
      allAtOnce: true,
      ...(target !== undefined && { target }),
      ...(lookups !== undefined && { lookup: lookups as never }),
    })
  }
  return pipeline('sample', define).compile(() => code)
}
const historyOf = (p: Builder) =>
  p.feature('history', {
    from: [p.snapshot('past', { from: 'past.parquet', schema: History })],
    sql: 'SELECT * FROM past',
    schema: History,
    key: 'passenger',
    known: 'known_at',
  })
const mistake = (...plan: Parameters<typeof planOf>): string => {
  try {
    planOf(...plan)
  } catch (error) {
    expect(error).toBeInstanceOf(SlipwayError)
    expect((error as SlipwayError).code).toBe('DEFINITION_INVALID')
    return (error as SlipwayError).message.replace('endpoint "live", lookup in view "history": ', '')
  }
  throw new Error('it was taken')
}

describe('p.deploy with lookups', () => {
  it('is a plan as before where it has none', () => {
    const plan = planOf(() => undefined)
    expect(planOf(() => [])).toEqual(plan)
    expect(Object.keys(stepOf(plan, 'deploy', 'deploy')).sort()).toEqual(
      ['endpoint', 'id', 'kind', 'model', 'package', 'policy'].sort(),
    )
    expect(Object.keys(stepOf(outlineOf(plan), 'deploy', 'deploy'))).not.toContain('lookups')
  })

  it('says what is looked up, by what, and from when on it is stale', () => {
    const plan = planOf((_, history) => [
      lookup(history, { on: { rider: 'passenger' }, columns: ['flights'], staleAfter: '2d' }),
      lookup('tiers', { on: ['passenger', 'flown'], columns: { tier: 'rank' } }),
    ])
    const step = stepOf(plan, 'deploy', 'deploy')
    expect(step.lookups).toEqual([
      {
        view: 'history',
        on: { rider: 'passenger' },
        columns: { flights: 'flights' },
        staleAfterMs: 2 * 86_400_000,
      },
      {
        view: 'tiers',
        on: { passenger: 'passenger', flown: 'flown' },
        columns: { tier: 'rank' },
        staleAfterMs: null,
      },
    ])
    expect(unpackPlan(packPlan(plan))).toEqual(plan)
    expect(stepOf(outlineOf(plan), 'deploy', 'deploy').summary).toBe(
      'deploy • live: all at once; looks up flights in history; looks up tier in tiers',
    )
  })

  it('waits until its own pipeline has published the view', () => {
    const needs = (plan: Plan) => graphOf(outlineOf(plan)).find(({ id }) => id === 'deploy')?.needs
    expect(needs(planOf(() => undefined))).not.toContain('publish')
    expect(needs(planOf((_, history) => [lookup(history, { on: 'passenger', columns: 'flights' })]))).toContain(
      'publish',
    )
  })

  const by = 'passenger' as never
  it.each<[string, (history: never) => readonly unknown[], string]>([
    [
      'a column that the model does not take',
      (v) => [lookup(v, { on: by, columns: ['delay'] })],
      'the model takes no column "delay"',
    ],
    ['no column', (v) => [lookup(v, { on: by, columns: [] })], 'it looks nothing up'],
    [
      'a column that the view has not',
      (v) => [lookup(v, { on: by, columns: { flights: 'flight' as never } })],
      'the view has no column "flight"',
    ],
    [
      'a column of another type',
      (v) => [lookup(v, { on: by, columns: { flights: 'rank' as never } })],
      '"rank" is string, and "flights" of the model number',
    ],
    [
      'a column that may be missing in the view alone',
      (v) => [lookup(v, { on: by, columns: { tier: 'rank' as never } })],
      '"rank" may be missing, and "tier" of the model may not',
    ],
    [
      'a key that is not the view’s',
      (v) => [lookup(v, { on: 'flown' as never, columns: 'flights' as never })],
      "the view's key is passenger, and it is looked up by flown",
    ],
    [
      'a key of another type than the model has under its name',
      (v) => [lookup(v, { on: { flown: by }, columns: 'flights' as never })],
      'key "passenger" is string, and "flown" of the model timestamp',
    ],
    [
      'a column that is its own key',
      () => [lookup('history', { on: 'tier', columns: ['tier'] })],
      '"tier" is looked up by itself',
    ],
    [
      'a column that is looked up twice',
      (v) => [lookup(v, { on: by, columns: 'flights' as never }), lookup('other', { on: 'x', columns: 'flights' })],
      'endpoint "live", lookup in view "other": "flights" is looked up already',
    ],
    [
      'a key that is looked up',
      () => [lookup('history', { on: 'x', columns: 'tier' }), lookup('other', { on: 'tier', columns: 'flights' })],
      'endpoint "live", lookup in view "other": "tier" is looked up already',
    ],
    [
      'no name of a view',
      () => [lookup('My View', { on: 'x', columns: 'flights' })],
      'endpoint "live", lookup in view "My View": it is no name of a view',
    ],
  ])('refuses %s', (_, looks, message) => {
    expect(mistake((_p, history) => looks(history as never))).toBe(message)
  })

  it('refuses them of a target that is not Slipway’s own', () => {
    expect(mistake(() => [lookup('history', { on: 'x', columns: 'flights' })], 'elsewhere')).toBe(
      'endpoint "live" looks columns up, which target "elsewhere" does not',
    )
  })
})

const look = (view: string): Lookup => ({
  view,
  on: { passenger: 'id' },
  columns: { flights: 'past' },
  staleAfterMs: null,
})
const variant = (version: number, ...views: string[]): ModelVersion => ({
  model: 'm',
  version,
  digest: `sha256:${String(version).repeat(64)}`,
  ...(views.length > 0 && { lookups: views.map(look) }),
})
const snapshot = (view: string, revision: number): Snapshot => ({
  view,
  revision,
  digest: `sha256:${String(revision).repeat(64)}`,
  key: ['id'],
  known: null,
  publishedAt: '2026-01-01T00:00:00.000Z',
})
const apply = (route: Route | undefined, change: RouteChange, ...published: Snapshot[]): Route => {
  const changed = changeRoute(route, 'e', change, published)
  expect(Route.parse(changed)).toEqual(changed)
  return changed
}
const rollout = (candidate: ModelVersion) =>
  ({
    kind: 'begin',
    rollout: { id: 'r', candidate, mode: 'split', share: 0.5, salt: 'r', sticky: null, slowMs: null },
  }) as const
const finish = (candidate: ModelVersion): RouteChange => ({ kind: 'finish', rollout: 'r', candidate, promote: true })
const newest: RouteChange = { kind: 'lookups', variant: null }

describe('a route whose versions look something up', () => {
  const opened = apply(undefined, { kind: 'open', variant: variant(1, 'a') }, snapshot('a', 1))

  it('begins with what is published, and moves to what is published after', () => {
    expect(opened).toMatchObject({ revision: 1, snapshots: [snapshot('a', 1)] })
    const moved = apply(opened, newest, snapshot('a', 2))
    expect(moved).toEqual({ ...opened, revision: 2, snapshots: [snapshot('a', 2)] })
    expect(apply(moved, newest, snapshot('a', 2))).toBe(moved)
    // An order that was overtaken takes nothing back.
    expect(apply(moved, newest, snapshot('a', 1))).toBe(moved)
  })

  it('has one snapshot of a view for champion and candidate, the newest', () => {
    const begun = apply(opened, rollout(variant(2, 'a', 'b')), snapshot('a', 3), snapshot('b', 1))
    expect(begun).toMatchObject({ revision: 2, snapshots: [snapshot('a', 3), snapshot('b', 1)] })
    const promoted = apply(begun, finish(variant(2)))
    expect(promoted).toMatchObject({ revision: 3, champion: variant(2, 'a', 'b'), snapshots: begun.snapshots })
    // Going back keeps the newest snapshots, each version with its own columns.
    const moved = apply(promoted, newest, snapshot('a', 4), snapshot('b', 2))
    const back = apply(moved, { kind: 'rollback', from: 4, to: null })
    expect(back).toMatchObject({
      revision: 5,
      champion: variant(1, 'a'),
      snapshots: [snapshot('a', 4), snapshot('b', 2)],
    })
    expect(apply(moved, { kind: 'rollback', from: 4, to: variant(1) })).toEqual(back)
  })

  it('keeps no snapshot that nobody looks up in any more', () => {
    const begun = apply(
      apply(undefined, { kind: 'open', variant: variant(1) }),
      rollout(variant(2, 'a')),
      snapshot('a', 1),
    )
    const back = apply(begun, { kind: 'rollback', from: 2, to: null })
    expect(back).toEqual({ ...begun, revision: 3, rollout: null, snapshots: undefined })
    expect('snapshots' in back).toBe(false)
  })

  it('takes other lookups of the same champion, of no other version', () => {
    const changed = apply(opened, { kind: 'lookups', variant: variant(1, 'a', 'b') }, snapshot('b', 5))
    expect(changed).toMatchObject({
      revision: 2,
      champion: variant(1, 'a', 'b'),
      snapshots: [snapshot('a', 1), snapshot('b', 5)],
    })
    expect(apply(changed, { kind: 'lookups', variant: variant(1) })).toEqual({
      slipway: 'route/1',
      endpoint: 'e',
      revision: 3,
      champion: variant(1),
      previous: null,
      rollout: null,
    })
    expect(apply(opened, { kind: 'lookups', variant: variant(2, 'b') })).toBe(opened)
  })

  it('does not begin with a view that nobody has published', () => {
    expect(() => apply(undefined, { kind: 'open', variant: variant(1, 'a') })).toThrow(
      'endpoint e looks up in view "a", which is not published',
    )
    expect(() => apply(opened, rollout(variant(2, 'b')))).toThrow('view "b", which is not published')
  })
})

describe('the rows of a request', () => {
  const rule = (name: string, type: RowSchema[number]['type'], nullable = false) => ({ name, type, nullable })
  const view = (key: string[], ...schema: RowSchema): DescribedSnapshot => ({ ...snapshot('v', 1), key, schema })
  const of = (
    inputs: RowSchema,
    found: DescribedSnapshot,
    on: Record<string, string>,
    columns: Record<string, string>,
  ) => requestSchema(inputs, [{ view: 'v', on, columns, staleAfterMs: null }], () => found)

  it('are the model’s without what is looked up, and behind them the keys that it has not', () => {
    const inputs = [rule('x', 'number'), rule('found', 'string', true), rule('city', 'string')]
    const found = view(['city', 'id'], rule('city', 'string'), rule('id', 'bigint'), rule('f', 'string', true))
    expect(of(inputs, found, { city: 'city', who: 'id' }, { found: 'f' })).toEqual([
      rule('x', 'number'),
      rule('city', 'string'),
      rule('who', 'bigint', true),
    ])
  })

  it('must have a key where a column that is looked up may not be missing', () => {
    const found = view(['id'], rule('id', 'integer'), rule('f', 'integer'), rule('g', 'number', true))
    expect(of([rule('f', 'number', true)], found, { id: 'id' }, { f: 'f' })).toEqual([rule('id', 'integer', true)])
    expect(of([rule('f', 'number', true), rule('g', 'number')], found, { id: 'id' }, { f: 'f', g: 'g' })).toEqual([
      rule('id', 'integer'),
    ])
  })

  it.each([
    ['a column that is gone', ['id'], { id: 'id' }, { f: 'h' }, 'it has no column "h"'],
    [
      'a column of another type',
      ['id'],
      { id: 'id' },
      { f: 'id' },
      'column "id" of the view and "f" are bigint and number',
    ],
    ['another key', ['id', 'f'], { id: 'id' }, { f: 'f' }, 'its key is id, f, and it is looked up by id'],
    ['a key of another type', ['id'], { x: 'id' }, { f: 'f' }, 'column "id" of the view and "x" are bigint and number'],
  ])('do not fit a snapshot with %s', (_, key, on, columns, message) => {
    const found = view(key, rule('id', 'bigint'), rule('f', 'number'))
    expect(() => of([rule('x', 'number'), rule('f', 'number', true)], found, on as never, columns as never)).toThrow(
      `snapshot 111111111111 of view "v" does not fit: ${message}`,
    )
  })
})
