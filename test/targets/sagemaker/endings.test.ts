import { DescribeScalableTargetsCommand } from '@aws-sdk/client-application-auto-scaling'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { blocksOf } from '../../../lib/stats/evidence.ts'
import { whyNoContainers } from '../../sagemaker-fake/containers.ts'
import { hostingIn } from '../../sagemaker-fake/hosting.ts'
import { hostedEndpoint } from '../../support/hosted-endpoint.ts'
import { type HostedPlace, openHostedPlace } from '../../support/hosted-place.ts'

/* What becomes of an endpoint when SageMaker does not do as it is asked: an ending each that says what to do. */
const why = whyNoContainers()
let place: HostedPlace
beforeAll(async () => {
  if (why === undefined) place = await openHostedPlace()
})
afterAll(() => place?.stop())

let count = 0
/** An endpoint of its own for a test. */
const endpoint = () => hostedEndpoint(place, `e${++count}`)
const faults = () => place.fake.world.script

describe.skipIf(why !== undefined)(`an endpoint of SageMaker${why === undefined ? '' : `: ${why}`}`, () => {
  it('gives a candidate its share, takes it back by one call, and keeps no model that nothing uses', async () => {
    const on = endpoint()
    expect(await on.applied(await on.open(1))).toBeNull()
    expect(await on.applied(await on.begin(2, 'split', 0.25))).toBeNull()
    expect(on.weights()).toEqual({ v1: 0.75, v2: 0.25 })
    const before = place.fake.world.requests.length
    const back = await on.finish(2, false)
    const calls = place.fake.world.requests.slice(before).map(({ operation }) => operation)
    expect(calls.filter((each) => each.startsWith('Update'))).toEqual(['UpdateEndpointWeightsAndCapacities'])
    expect(await on.applied(back)).toBeNull()
    expect(on.weights()).toEqual({ v1: 1 })
    const { configs } = hostingIn(place.fake.world)
    expect([...configs.keys()].filter((each) => each.startsWith(`${on.name}-`))).toHaveLength(1)
  })

  it('scales a variant’s instances as it is told, and no more when it goes', async () => {
    const on = endpoint()
    const autoscaling = { min: 1, max: 4, invocationsPerInstance: 100 }
    expect(await on.applied(await on.open(5, {}, { autoscaling }))).toBeNull()
    const { clients } = place
    const scaled = async () => {
      const command = new DescribeScalableTargetsCommand({ ServiceNamespace: 'sagemaker' })
      const { ScalableTargets = [] } = await clients.autoScaling.send(command)
      return ScalableTargets.map(({ ResourceId, MaxCapacity }) => [ResourceId, MaxCapacity])
    }
    expect(await scaled()).toEqual([[expect.stringMatching(`endpoint/${on.name}/variant/v5-`), 4]])
    expect(
      await on.applied(await on.change({ kind: 'lookups', variant: place.version(5, {}, { count: 2 }) })),
    ).toBeNull()
    expect(await scaled()).toEqual([])
  })

  it('mirrors to a shadow, whose answers nobody gets, and counts both', async () => {
    const on = endpoint()
    expect(await on.applied(await on.open(11))).toBeNull()
    expect(await on.applied(await on.begin(12, 'shadow', 1, { failing: 1 }))).toBeNull()
    // A whole period under one revision.
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    const answered = await Promise.all(Array.from({ length: 20 }, () => place.ask(on.name)))
    expect(answered.every((who) => who?.startsWith('v11-'))).toBe(true)
    const [block] = blocksOf(await on.evidence(30), 'r')
    const { nA = 0, nB = 0, kA, kB } = block?.arms.errors ?? {}
    expect([nA > 0, nB > 0, kA, kB]).toEqual([true, true, 0, nB])
  })

  it('of a container that does not start says so, and is made anew when it is asked for again', async () => {
    const on = endpoint()
    const route = await on.open(21, { startsNot: true })
    expect(await on.applied(route)).toContain('did not pass the ping health check')
    // Another image under the same version.
    const variant = place.version(21, {}, { environment: { TRY: '2' } })
    expect(await on.applied(await on.change({ kind: 'lookups', variant }))).toBeNull()
    expect(await place.ask(on.name)).toMatch(/^v21-/)
  })

  it('keeps its champion where a candidate’s container does not start, and says why', async () => {
    const on = endpoint()
    expect(await on.applied(await on.open(31))).toBeNull()
    expect(await on.applied(await on.begin(32, 'split', 0.1, { startsNot: true }))).toMatch(
      /took the update of e\d+ back: .*ping health check/,
    )
    expect(await place.ask(on.name)).toMatch(/^v31-/)
    expect(await on.applied(await on.finish(32, false))).toBeNull()
  })

  it('says of weights that do not take which they are', async () => {
    const on = endpoint()
    expect(await on.applied(await on.open(41))).toBeNull()
    expect(await on.applied(await on.begin(42, 'split', 0.1))).toBeNull()
    faults().addBehaviour({ resource: 'endpoint', does: 'keeps weights', name: on.name, times: 1 })
    const more = await on.change({ kind: 'traffic', rollout: 'r', mode: 'split', share: 0.5 })
    expect(await on.applied(more, 1_500)).toMatch(/variant v41-\w+ has weight 0.9, not 0.5 did not apply revision 3/)
  })

  it('says of an endpoint that is stuck what it is, and gives way to whoever goes back meanwhile', async () => {
    const on = endpoint()
    expect(await on.applied(await on.open(51))).toBeNull()
    faults().addBehaviour({ resource: 'endpoint', does: 'stuck in Updating', name: on.name })
    const begun = await on.begin(52, 'split', 0.1)
    expect(await on.applied(begun, 1_000)).toBe(`${on.name} is Updating did not apply revision 2 within 1 s`)
    await on.rollback(2)
    expect(await on.applied(begun, 1_000)).toContain('revision 3 has come since')
  })

  it.each([
    ['AccessDeniedException', 'SAGEMAKER_DENIED', 'the role'],
    ['ResourceLimitExceeded', 'SAGEMAKER_QUOTA', 'quota raised'],
  ])('ends with what to do on %s', async (code, expected, next) => {
    const on = endpoint()
    faults().addFault({ operation: 'CreateEndpoint', name: on.name, code })
    const route = await on.open(60 + count)
    const error = await on.applied(route).catch((thrown) => thrown)
    expect(error).toMatchObject({ code: expected, facts: { next: expect.stringContaining(next) } })
    // What was made is found again, not made twice.
    expect(await on.applied(route)).toBeNull()
  })

  it('rides out throttling and readers that do not see it yet, and ends where that does not end', async () => {
    const on = endpoint()
    faults().addFault({ operation: '*', name: on.name, code: 'ThrottlingException', times: 3 })
    const route = await on.open(71)
    expect(await on.applied(route)).toBeNull()
    faults().addFault({ operation: 'DescribeEndpoint', name: on.name, code: 'ThrottlingException', times: 1_000 })
    expect(await on.applied(route).catch(({ code }) => code)).toBe('SAGEMAKER_THROTTLED')
  })
})
