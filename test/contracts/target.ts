import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Route } from '../../lib/formats/route.ts'
import type { TelemetryWindow } from '../../lib/formats/telemetry.ts'
import type { Cursors, Target } from '../../lib/targets/target.ts'

/** A target to be tried, with an endpoint that serves nothing yet. */
export interface TargetUnderTest {
  readonly target: Target
  /**
   * The route of the endpoint at a revision, from 1: what it names can be served. The target sees it as it sees
   * Slipway's own.
   */
  routeAt(revision: number): Promise<Route>
  /** Sends so many requests to the endpoint, one after another. */
  ask(requests: number): Promise<void>
  /** Passes some time. */
  wait(): Promise<void>
  stop(): Promise<void>
}

/** What every target has to keep, told as tests. */
export function describeTarget(name: string, setUp: () => Promise<TargetUnderTest>): void {
  describe(`target ${name}`, () => {
    let under: TargetUnderTest
    let route: Route
    /** How far windows were read. */
    let read: Cursors = {}
    beforeAll(async () => {
      under = await setUp()
      route = await under.routeAt(1)
    })
    afterAll(() => under.stop())

    /** Waits until a route is applied by all. */
    async function untilApplied(wanted: Route): Promise<number> {
      for (;;) {
        const { serving, behind, refused } = await under.target.readBack(wanted)
        expect(refused).toBeNull()
        if (behind.length === 0) return serving
        await under.wait()
      }
    }
    const requestsIn = (windows: readonly TelemetryWindow[]): number =>
      windows.reduce((sum, { champion, candidate }) => sum + champion.requests + (candidate?.requests ?? 0), 0)

    /** Reads on until so many requests have been told of. */
    async function untilTold(requests: number): Promise<TelemetryWindow[]> {
      const windows: TelemetryWindow[] = []
      for (; ; await under.wait()) {
        const sources = Object.keys(await under.target.look(route.endpoint)).map((source) => [source, 0])
        const found = await under.target.evidence(route.endpoint, { ...Object.fromEntries(sources), ...read })
        windows.push(...found.windows)
        read = found.cursors
        if (requestsIn(windows) >= requests) return windows
      }
    }

    it('serves by a route once that is applied, and says by how many', async () => {
      await under.target.apply(route)
      expect(await untilApplied(route)).toBeGreaterThan(0)
      const sources = Object.values(await under.target.look(route.endpoint))
      expect(sources.some(({ serves }) => serves)).toBe(true)
      await under.ask(3)
    })

    it('changes nothing when it is asked the same again', async () => {
      await under.target.apply(route)
      await under.target.apply(route)
      expect((await under.target.readBack(route)).behind).toEqual([])
      await under.ask(1)
    })

    it('tells of every request once, in windows numbered without gaps', async () => {
      await untilTold(4)
      const before = read
      await under.ask(5)
      const windows = await untilTold(5)
      expect(requestsIn(windows)).toBe(5)
      for (const source of new Set(windows.map(({ gateway }) => gateway))) {
        const seqs = windows.filter(({ gateway }) => gateway === source).map(({ seq }) => seq)
        expect(seqs).toEqual(seqs.map((_, i) => (before[source] ?? 0) + i))
        expect(read[source]).toBe((seqs.at(-1) as number) + 1)
      }
      expect(windows.every(({ revision }) => revision === route.revision)).toBe(true)
    })

    it('tells the same again to who asks from the same cursors', async () => {
      const since = Object.fromEntries(Object.keys(read).map((source) => [source, 0]))
      const [once, twice] = [
        await under.target.evidence(route.endpoint, since),
        await under.target.evidence(route.endpoint, since),
      ]
      expect(twice.windows.slice(0, once.windows.length)).toEqual(once.windows)
    })

    it('follows a newer route, and does not go back to an older one', async () => {
      const newer = await under.routeAt(2)
      await under.target.apply(newer)
      await untilApplied(newer)
      await under.target.apply(route)
      expect((await under.target.readBack(newer)).behind).toEqual([])
      await under.ask(2)
      const asked = (await untilTold(2)).filter((window) => requestsIn([window]) > 0)
      expect(new Set(asked.map(({ revision }) => revision))).toEqual(new Set([newer.revision]))
    })

    it('says who is behind a revision that nobody has applied', async () => {
      const { behind, refused, serving } = await under.target.readBack({ endpoint: route.endpoint, revision: 1_000 })
      expect(behind.length).toBe(serving)
      expect(refused).toBeNull()
    })
  })
}
