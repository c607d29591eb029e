import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { shortDigest } from '../../lib/formats/artifact.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { PublishedView, type SeenView } from '../../lib/formats/view.ts'
import { type Publication, publishView, standingOf } from '../../lib/stats/views.ts'

const digest = (letter: string) => `sha256:${letter.repeat(64)}` as const
const [old, other, third] = [digest('a'), digest('b'), digest('c')] as const
const at = '2026-01-01T00:00:00.000Z'

let runs = 0
const order = (pipeline: string, definition: string, over: Partial<Publication> = {}): Publication => ({
  name: 'history',
  pipeline,
  definition: definition as Publication['definition'],
  run: `${pipeline}-${++runs}`,
  table: { digest: digest('7'), rows: 3 },
  key: ['passenger'],
  known: null,
  seen: { since: null },
  ...over,
})
const refusal = (view: PublishedView | undefined, asked: Publication): SlipwayError => {
  try {
    publishView(view, asked, at)
  } catch (error) {
    expect(error).toBeInstanceOf(SlipwayError)
    return error as SlipwayError
  }
  throw new Error('it was published')
}
const seen = (view: PublishedView, isChange?: true): SeenView => ({ since: view.since, ...(isChange && { isChange }) })

const first = publishView(undefined, order('a', old), at)
const shared = publishView(first, order('b', old), at)

describe('a publication of a view', () => {
  it('decides its definition when it is the first, and takes the place of the rows before when it is not', () => {
    expect(first).toMatchObject({ slipway: 'view/1', revision: 1, since: 1, definition: old, key: ['passenger'] })
    const table = { digest: digest('8'), rows: 4 }
    const next = publishView(shared, order('a', old, { table, run: 'a-next' }), '2026-01-02T00:00:00.000Z')
    expect(next).toMatchObject({ revision: 3, since: 1, table, run: 'a-next', publishedAt: '2026-01-02T00:00:00.000Z' })
    expect(next.pipelines).toEqual({ a: { definition: old, run: 'a-next' }, b: shared.pipelines.b })
    expect(PublishedView.parse(next)).toEqual(next)
  })

  it('changes nothing when the same run asks again, whoever published since', () => {
    const asked = order('a', old)
    const once = publishView(shared, asked, at)
    expect(publishView(once, asked, at)).toBe(once)
    const later = publishView(once, order('b', old), at)
    expect(publishView(later, asked, at)).toBe(later)
  })

  it('says anew that the rows are as they were when another run made the same ones', () => {
    const again = publishView(shared, order('a', old), '2026-03-01T00:00:00.000Z')
    expect(again).toMatchObject({ revision: 3, publishedAt: '2026-03-01T00:00:00.000Z', table: shared.table })
  })

  it('changes the definition of a view that nobody else uses', () => {
    const changed = publishView(first, order('a', other, { seen: seen(first) }), at)
    expect(changed).toMatchObject({ revision: 2, since: 2, definition: other })
  })

  it('is refused with both digests where another pipeline uses another definition, until somebody says it is to change', () => {
    const { code, exitCode, message, facts } = refusal(shared, order('a', other, { seen: seen(shared) }))
    expect({ code, exitCode }).toEqual({ code: 'VIEW_DISAGREES', exitCode: 2 })
    expect(message).toBe(
      `view "history" is ${shortDigest(other)} in pipeline "a"; published is ${shortDigest(old)}, which b uses`,
    )
    expect(facts.next).toContain('slipway run a --change-view history')
    const changed = publishView(shared, order('a', other, { seen: seen(shared, true) }), at)
    expect(changed).toMatchObject({ definition: other, since: 3, pipelines: { b: { definition: old } } })

    // Now the other one has to follow, and is refused until then.
    expect(refusal(changed, order('b', old)).code).toBe('VIEW_DISAGREES')
    expect(refusal(changed, order('b', old, { seen: seen(changed) })).message).toContain('which a uses')
    expect(publishView(changed, order('b', other), at)).toMatchObject({ definition: other, since: 3, revision: 4 })
  })

  it('replaces only the definition that was seen when the run was planned: not one that came since, nor one that came back', () => {
    const asked = order('a', third, { seen: seen(first) })
    const moved = publishView(first, order('a', other, { seen: seen(first) }), at)
    const { code, message, facts } = refusal(moved, asked)
    expect(code).toBe('VIEW_DISAGREES')
    expect(message).toBe(
      `view "history" is ${shortDigest(third)} in pipeline "a"; since it was planned, run ${moved.run} published ${shortDigest(other)}`,
    )
    expect(facts.next).toBe('see what becomes stale: slipway plan a')
    const back = publishView(moved, order('a', old, { seen: seen(moved) }), at)
    expect(back.definition).toBe(first.definition)
    expect(refusal(back, asked).code).toBe('VIEW_DISAGREES')
    expect(refusal(back, { ...asked, seen: { since: first.since, isChange: true } }).code).toBe('VIEW_DISAGREES')
  })

  it('of two that saw the same, with two definitions, is one: whichever comes second is refused', () => {
    for (const base of [undefined, first]) {
      const rivals = [order('a', other), order('a', third)].map((each) => ({
        ...each,
        seen: base === undefined ? { since: null } : seen(base),
      }))
      for (const [winner, loser] of [rivals, [...rivals].reverse()] as [Publication, Publication][]) {
        const published = publishView(base, winner, at)
        expect(published.definition).toBe(winner.definition)
        expect(refusal(published, loser).message).toContain(shortDigest(winner.definition))
        expect(refusal(published, loser).message).toContain(shortDigest(loser.definition))
      }
    }
  })

  it('in any order leaves the definition to those who agreed on it, and counts every change', () => {
    const pipelines = fc.constantFrom('a', 'b', 'c')
    const asked = fc.record({ pipeline: pipelines, definition: fc.constantFrom(old, other), isChange: fc.boolean() })
    fc.assert(
      fc.property(fc.array(asked, { maxLength: 12 }), (orders) => {
        let view: PublishedView | undefined
        for (const { pipeline, definition, isChange } of orders) {
          const before = view
          const users = Object.entries(before?.pipelines ?? {}).filter(
            ([, use]) => use.definition === before?.definition,
          )
          const mayChange = isChange || users.every(([name]) => name === pipeline)
          const known = { since: before?.since ?? null, ...(isChange && { isChange }) }
          const publication = order(pipeline, definition, { seen: known })
          if (before !== undefined && before.definition !== definition && !mayChange) {
            expect(refusal(before, publication).code).toBe('VIEW_DISAGREES')
            continue
          }
          view = publishView(before, publication, at)
          expect(view.revision).toBe((before?.revision ?? 0) + 1)
          expect(view.since).toBe(before?.definition === definition ? before.since : view.revision)
          expect(view.pipelines[pipeline]).toEqual({ definition, run: publication.run })
        }
      }),
    )
  })
})

describe('how a definition stands to what is published', () => {
  const standing = (view: PublishedView | undefined, pipeline: string, definition: typeof old) => {
    const { state, usedBy, stale } = standingOf(view, { view: 'history', pipeline, definition })
    return { state, usedBy, stale }
  }

  it('is new, the same, a change of its own, or one that others do not make', () => {
    expect(standing(undefined, 'a', old)).toEqual({ state: 'new', usedBy: [], stale: [] })
    expect(standing(first, 'a', old)).toEqual({ state: 'same', usedBy: ['a'], stale: [] })
    expect(standing(first, 'b', old)).toEqual({ state: 'same', usedBy: ['a'], stale: [] })
    expect(standing(first, 'a', other)).toEqual({ state: 'changes', usedBy: ['a'], stale: ['a'] })
    expect(standing(first, 'b', other)).toEqual({ state: 'disagrees', usedBy: ['a'], stale: ['a', 'b'] })
  })

  it('lists all that an edit makes stale, to whoever made it', () => {
    for (const pipeline of ['a', 'b'])
      expect(standing(shared, pipeline, other)).toEqual({
        state: 'disagrees',
        usedBy: ['a', 'b'],
        stale: ['a', 'b'],
      })
  })

  it('lists those that have not followed a change, until they have', () => {
    const changed = publishView(shared, order('a', other, { seen: seen(shared, true) }), at)
    expect(standing(changed, 'a', other)).toEqual({ state: 'same', usedBy: ['a'], stale: ['b'] })
    expect(standing(changed, 'b', old)).toEqual({ state: 'disagrees', usedBy: ['a'], stale: ['a', 'b'] })
    expect(standing(changed, 'b', other)).toEqual({ state: 'same', usedBy: ['a'], stale: [] })
    const followed = publishView(changed, order('b', other), at)
    expect(standing(followed, 'a', other)).toEqual({ state: 'same', usedBy: ['a', 'b'], stale: [] })
  })

  it('does not ask those who have not followed yet before the next change', () => {
    const changed = publishView(shared, order('a', other, { seen: seen(shared, true) }), at)
    expect(standing(changed, 'a', third)).toEqual({ state: 'changes', usedBy: ['a'], stale: ['a', 'b'] })
  })
})
