import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PlanNode } from '../../lib/formats/plan-graph.ts'
import { neverBegun, nextSteps, type Standing } from '../../lib/stats/schedule.ts'

/** Graphs whose nodes need and follow earlier ones only; widths of 0 wait, of more than 1 are groups. */
const graphs: fc.Arbitrary<PlanNode[]> = fc
  .array(
    fc.record({
      needs: fc.array(fc.nat({ max: 30 }), { maxLength: 3 }),
      after: fc.array(fc.nat({ max: 30 }), { maxLength: 2 }),
      width: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, fc.constant(0), fc.integer({ min: 2, max: 9 })),
    }),
    { minLength: 1, maxLength: 24 },
  )
  .map((drawn) =>
    drawn.map(({ needs, after, width }, i) => {
      const earlier = (among: readonly number[]) => [...new Set(among.filter((j) => j < i).map((j) => `n${j}`))]
      return { id: `n${i}`, needs: earlier(needs), after: earlier(after), width }
    }),
  )

interface Moment {
  /** Standings when it was asked what begins, and what did. */
  readonly standings: ReadonlyMap<string, Standing>
  readonly started: readonly string[]
  readonly running: ReadonlyMap<string, number>
}

/** Lives a graph through to its end: `ends` draws which of the running ones ends next, `fails` which fail. */
function live(nodes: readonly PlanNode[], limit: number, ends: readonly number[], fails: ReadonlySet<string>) {
  const standings = new Map<string, Standing>()
  const moments: Moment[] = []
  for (let turn = 0; ; turn++) {
    const before = new Map(standings)
    const { start, widen } = nextSteps(nodes, standings, limit)
    for (const { id, slots } of [...start, ...widen]) standings.set(id, { state: 'running', slots })
    const running = new Map<string, number>()
    for (const [id, standing] of standings) if (standing.state === 'running') running.set(id, standing.slots)
    moments.push({ standings: before, started: start.map(({ id }) => id), running })
    if (running.size === 0) return { standings, moments }
    const ended = [...running.keys()][(ends[turn % ends.length] as number) % running.size] as string
    standings.set(ended, { state: fails.has(ended) ? 'failed' : 'done' })
  }
}

const lives = fc.record({
  nodes: graphs,
  limit: fc.integer({ min: 1, max: 12 }),
  ends: fc.array(fc.nat({ max: 1_000 }), { minLength: 1, maxLength: 24 }),
  failing: fc.array(fc.nat({ max: 23 }), { maxLength: 3 }),
})
const failing = (numbers: readonly number[]): Set<string> => new Set(numbers.map((n) => `n${n}`))

/** Whether a node fails, or waits for one that does: told by walking, not by the order of the plan. */
const isCut = (nodes: readonly PlanNode[], fails: ReadonlySet<string>, id: string): boolean =>
  fails.has(id) || (nodes.find((node) => node.id === id)?.needs ?? []).some((need) => isCut(nodes, fails, need))

describe('what begins next', () => {
  it('never begins before what it needs is done and what it follows has ended', () => {
    fc.assert(
      fc.property(lives, ({ nodes, limit, ends, failing: fails }) => {
        for (const { standings, started } of live(nodes, limit, ends, failing(fails)).moments)
          for (const id of started) {
            const { needs, after } = nodes.find((node) => node.id === id) as PlanNode
            expect(needs.map((need) => standings.get(need)?.state)).toEqual(needs.map(() => 'done'))
            for (const other of after)
              if (!isCut(nodes, failing(fails), other))
                expect(['done', 'failed']).toContain(standings.get(other)?.state)
              else expect(standings.get(other)?.state).not.toBe('running')
          }
      }),
    )
  })

  it('never has more at once than the limit, and no group more than it can use', () => {
    fc.assert(
      fc.property(lives, ({ nodes, limit, ends, failing: fails }) => {
        for (const { running } of live(nodes, limit, ends, failing(fails)).moments) {
          expect([...running.values()].reduce((sum, slots) => sum + slots, 0)).toBeLessThanOrEqual(limit)
          for (const [id, slots] of running)
            expect(slots).toBeLessThanOrEqual((nodes.find((node) => node.id === id) as PlanNode).width)
        }
      }),
    )
  })

  it('leaves no slot free that a node could take', () => {
    fc.assert(
      fc.property(lives, ({ nodes, limit, ends, failing: fails }) => {
        for (const { standings, started, running } of live(nodes, limit, ends, failing(fails)).moments) {
          const taken = [...running.values()].reduce((sum, slots) => sum + slots, 0)
          if (taken === limit) continue
          const couldBegin = nodes.filter(
            ({ id, needs, after }) =>
              !standings.has(id) &&
              needs.every((need) => standings.get(need)?.state === 'done') &&
              after.every((other) => standings.has(other) && standings.get(other)?.state !== 'running'),
          )
          expect(couldBegin.map(({ id }) => id).filter((id) => !started.includes(id))).toEqual([])
          for (const [id, slots] of running)
            expect(slots).toBe((nodes.find((node) => node.id === id) as PlanNode).width)
        }
      }),
    )
  })

  it('is the same whenever it is asked, in the order of the plan', () => {
    fc.assert(
      fc.property(lives, ({ nodes, limit, ends, failing: fails }) => {
        for (const { standings, started } of live(nodes, limit, ends, failing(fails)).moments) {
          const shuffled = new Map([...standings].reverse())
          expect(nextSteps(nodes, shuffled, limit).start.map(({ id }) => id)).toEqual(started)
          const places = started.map((id) => nodes.findIndex((node) => node.id === id))
          expect(places).toEqual([...places].sort((a, b) => a - b))
        }
      }),
    )
  })

  it('never takes slots away from what runs', () => {
    fc.assert(
      fc.property(lives, ({ nodes, limit, ends, failing: fails }) => {
        for (const { standings, running } of live(nodes, limit, ends, failing(fails)).moments)
          for (const [id, standing] of standings)
            if (standing.state === 'running') expect(running.get(id)).toBeGreaterThanOrEqual(standing.slots)
      }),
    )
  })

  it('waits for people and traffic without a slot', () => {
    const nodes = ['ask', 'roll out', 'work'].map((id, i) => ({ id, needs: [], after: [], width: i === 2 ? 1 : 0 }))
    expect(nextSteps(nodes, new Map(), 1).start.map(({ id }) => id)).toEqual(['ask', 'roll out', 'work'])
  })
})

describe('what never begins', () => {
  it('is what needs something that failed, directly or not; all else ends, though others fail', () => {
    fc.assert(
      fc.property(lives, ({ nodes, limit, ends, failing: numbers }) => {
        const fails = failing(numbers)
        const { standings } = live(nodes, limit, ends, fails)
        const cut = nodes.filter(({ needs }) => needs.some((need) => isCut(nodes, fails, need)))
        expect(neverBegun(nodes, standings).map(({ id }) => id)).toEqual(cut.map(({ id }) => id))
        for (const { id } of nodes.filter((node) => !cut.includes(node)))
          expect(standings.get(id)?.state).toBe(fails.has(id) ? 'failed' : 'done')
      }),
    )
  })

  it('says for which failure, the first of the plan', () => {
    fc.assert(
      fc.property(lives, ({ nodes, limit, ends, failing: numbers }) => {
        const { standings } = live(nodes, limit, ends, failing(numbers))
        const causes = (id: string): string[] => {
          if (standings.get(id)?.state === 'failed') return [id]
          return standings.has(id) ? [] : (nodes.find((node) => node.id === id) as PlanNode).needs.flatMap(causes)
        }
        const place = (id: string): number => nodes.findIndex((node) => node.id === id)
        for (const { id, because } of neverBegun(nodes, standings))
          expect(because).toBe(causes(id).sort((a, b) => place(a) - place(b))[0])
      }),
    )
  })

  it('of a run that was cancelled is what had not begun, for no failure', () => {
    const nodes = ['a', 'b'].map((id, i) => ({ id, needs: i === 0 ? [] : ['a'], after: [], width: 1 }))
    expect(neverBegun(nodes, new Map([['a', { state: 'done' }]]))).toEqual([{ id: 'b', because: null }])
  })
})
