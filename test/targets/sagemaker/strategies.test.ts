import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { blocksOf } from '../../../lib/stats/evidence.ts'
import { whyNoContainers } from '../../sagemaker-fake/containers.ts'
import { hostingIn } from '../../sagemaker-fake/hosting.ts'
import { hostedEndpoint } from '../../support/hosted-endpoint.ts'
import { type HostedPlace, openHostedPlace } from '../../support/hosted-place.ts'

/* Each strategy and each sort of endpoint once from its first version to its end, by the routes a rollout writes. */
const why = whyNoContainers()
let place: HostedPlace
beforeAll(async () => {
  if (why === undefined) place = await openHostedPlace()
})
afterAll(() => place?.stop())

/** A whole period under one revision. */
const period = () => new Promise((resolve) => setTimeout(resolve, 1_100))
let count = 0
function endpoint() {
  const on = hostedEndpoint(place, `s${++count}`)
  const { endpoints } = hostingIn(place.fake.world)
  return {
    ...on,
    shadow: () => endpoints.get(on.name)?.shadow.map(({ request }) => request.VariantName?.split('-')[0]),
    /** Who answered how often. */
    async ask(times: number) {
      const answers: Record<string, number> = {}
      for (let i = 0; i < times; i++) {
        const who = (await place.ask(on.name))?.split('-')[0] ?? 'nobody'
        answers[who] = (answers[who] ?? 0) + 1
      }
      return answers
    },
  }
}

describe.skipIf(why !== undefined)(`on SageMaker${why === undefined ? '' : `: ${why}`}`, () => {
  it('blue-green loads the candidate without traffic, turns, and asks the champion behind until the bake is over', async () => {
    const on = endpoint()
    expect(await on.applied(await on.open(1))).toBeNull()
    expect(await on.applied(await on.begin(2, 'split', 0))).toBeNull()
    expect(on.weights()).toEqual({ v1: 1, v2: 0 })
    expect(await on.ask(5)).toEqual({ v1: 5 })
    expect(await on.applied(await on.change({ kind: 'traffic', rollout: 'r', mode: 'bake', share: 1 }))).toBeNull()
    expect([on.weights(), on.shadow()]).toEqual([{ v2: 1 }, ['v1']])
    await period()
    // Both were asked, apart: the evidence of the bake is of both.
    const [block] = blocksOf(await on.evidence(20, 45), 'r').filter(({ mode }) => mode === 'bake')
    expect([block?.arms.errors.nA, block?.arms.errors.nB]).toEqual([20, 20])
    expect(await on.applied(await on.finish(2, true))).toBeNull()
    expect([on.weights(), on.shadow()]).toEqual([{ v2: 1 }, []])
  })

  it('blue-green that is taken back while it bakes gives everything to the champion', async () => {
    const on = endpoint()
    expect(await on.applied(await on.open(11))).toBeNull()
    expect(await on.applied(await on.begin(12, 'split', 0, { failing: 1 }))).toBeNull()
    expect(await on.applied(await on.change({ kind: 'traffic', rollout: 'r', mode: 'bake', share: 1 }))).toBeNull()
    expect(await on.ask(3)).toEqual({ nobody: 3 })
    expect(await on.applied(await on.finish(12, false))).toBeNull()
    expect([on.weights(), on.shadow()]).toEqual([{ v11: 1 }, []])
    expect(await on.ask(3)).toEqual({ v11: 3 })
  })

  it('A/B gives the candidate one share, and counts both', async () => {
    const on = endpoint()
    expect(await on.applied(await on.open(21))).toBeNull()
    expect(await on.applied(await on.begin(22, 'split', 0.5, { failing: 1 }))).toBeNull()
    expect(on.weights()).toEqual({ v21: 0.5, v22: 0.5 })
    await period()
    const blocks = blocksOf(await on.evidence(40), 'r')
    const { nA = 0, kA, nB = 0, kB } = blocks[0]?.arms.errors ?? {}
    expect([blocks.length, blocks[0]?.share, nA + nB, kA, kB]).toEqual([1, 0.5, 40, 0, nB])
    // Of 40 by halves; fewer than 8 come once in 40,000 times.
    expect(Math.min(nA, nB)).toBeGreaterThan(7)
    expect(await on.applied(await on.finish(22, false))).toBeNull()
  })

  const serverless = { instance: undefined, serverless: { memoryMb: 2048 as const, maxConcurrency: 5 } }
  const asynchronous = { asynchronous: { output: 's3://slipway/answers' } }
  it.each([
    ['a serverless endpoint', serverless],
    ['an endpoint whose variant is named', { variant: 'AllTraffic' }],
  ])('%s moves to the candidate as its rollout begins, and back', async (_, hosting) => {
    const on = endpoint()
    expect(await on.applied(await on.open(31, {}, hosting))).toBeNull()
    expect(await on.applied(await on.begin(32, 'split', 0, { failing: 1 }, { hosting }))).toBeNull()
    expect(await on.ask(3)).toEqual({ nobody: 3 })
    expect(await on.applied(await on.finish(32, false))).toBeNull()
    expect((await on.ask(3)).nobody).toBeUndefined()
    expect(await on.applied(await on.begin(33, 'split', 0, {}, { hosting }))).toBeNull()
    expect(await on.applied(await on.finish(33, true))).toBeNull()
    await period()
    const windows = await on.evidence(5, 11)
    expect(windows.reduce((sum, { champion }) => sum + (champion.version === 33 ? champion.requests : 0), 0)).toBe(5)
    const { configs } = hostingIn(place.fake.world)
    expect([...configs.keys()].filter((each) => each.startsWith(`${on.name}-`))).toHaveLength(1)
  })

  it('a serverless endpoint keeps its champion where a candidate’s container does not start, and says why', async () => {
    const on = endpoint()
    expect(await on.applied(await on.open(41, {}, serverless))).toBeNull()
    const begun = await on.begin(42, 'split', 0, { startsNot: true }, { hosting: serverless })
    // Promoted it would be champion by its route, and serve nothing.
    expect(await on.applied(begun)).toMatch(/took the update of s\d+ back: .*ping health check/)
    expect(await on.ask(2)).toEqual({ v41: 2 })
    expect(await on.applied(await on.finish(42, false))).toBeNull()
  })

  it('an asynchronous endpoint answers into its bucket, and moves to the candidate as its rollout begins', async () => {
    const on = endpoint()
    const { bucket } = place.server.store
    const hosting = { asynchronous: { ...asynchronous.asynchronous, output: `s3://${bucket}/answers` } }
    expect(await on.applied(await on.open(51, { score: 0.1 }, hosting))).toBeNull()
    expect(JSON.parse(await place.askLater(on.name))).toEqual({ predictions: [0.1] })
    expect(await on.ask(1)).toEqual({ nobody: 1 })
    expect(await on.applied(await on.begin(52, 'split', 0, { score: 0.9 }, { hosting }))).toBeNull()
    expect(JSON.parse(await place.askLater(on.name))).toEqual({ predictions: [0.9] })
    expect(await on.applied(await on.finish(52, true))).toBeNull()
    expect(await on.applied(await on.rollback(3))).toBeNull()
    expect(JSON.parse(await place.askLater(on.name))).toEqual({ predictions: [0.1] })
  })
})
