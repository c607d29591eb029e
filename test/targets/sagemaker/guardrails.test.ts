import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Guardrails } from '../../../lib/formats/guardrails.ts'
import { whyNoContainers } from '../../sagemaker-fake/containers.ts'
import { hostingIn } from '../../sagemaker-fake/hosting.ts'
import { hostedEndpoint } from '../../support/hosted-endpoint.ts'
import { type HostedPlace, openHostedPlace } from '../../support/hosted-place.ts'

/* SageMaker moves traffic itself, alarms have it go back: on a fake that shifts step by step as SageMaker says. */
const why = whyNoContainers()
let place: HostedPlace
beforeAll(async () => {
  if (why === undefined) place = await openHostedPlace()
})
afterAll(() => place?.stop())
beforeEach(() => {
  if (why === undefined) alarms().set('errors', 'OK').set('slow', 'OK')
})

const alarms = () => hostingIn(place.fake.world).alarms
/** 600 s are 0.6 s in the fake. */
const guarded = (
  shift: Guardrails['shift'],
  names = ['errors', 'slow'],
): { guardrails: Guardrails; hosting: object } => ({
  guardrails: { alarms: names, shift, waitSeconds: 600 },
  hosting,
})
const hosting = { variant: 'AllTraffic', count: 4 }
const canary = { kind: 'canary', percent: 25 } as const

let count = 0
function endpoint() {
  const name = `g${++count}`
  const fake = () => hostingIn(place.fake.world).endpoints.get(name)
  return {
    ...hostedEndpoint(place, name),
    fake,
    async until(share: number) {
      while (fake()?.shifting?.share !== share) await new Promise((resolve) => setTimeout(resolve, 20))
    },
    updates: () =>
      place.fake.world.requests.filter(
        ({ operation, request }) =>
          operation === 'UpdateEndpoint' && (request as { EndpointName: string }).EndpointName === name,
      ),
    /** The version whose model is served. */
    served: () => {
      const model = fake()?.production.map(({ request }) => request.ModelName?.split('-')[1])
      return model?.join()
    },
  }
}

describe.skipIf(why !== undefined)(`guardrails of SageMaker${why === undefined ? '' : `: ${why}`}`, () => {
  it.each([
    [canary, [0.25, 1]],
    [{ kind: 'linear', percent: 40 } as const, [0.4, 0.8, 1]],
    [{ kind: 'allAtOnce' } as const, [1]],
  ])('move everything in one update while no alarm goes off: %j', async (shift, shares) => {
    const on = endpoint()
    expect(await on.applied(await on.open(1, {}, hosting))).toBeNull()
    expect(await on.applied(await on.begin(2, 'split', 1, {}, guarded(shift)))).toBeNull()
    expect(on.fake()?.shifted).toEqual(shares)
    expect(on.served()).toBe('v2')
    expect(await on.applied(await on.finish(2, true))).toBeNull()
    expect(on.updates()).toHaveLength(1)
    expect(on.updates()[0]?.request).toMatchObject({
      DeploymentConfig: {
        BlueGreenUpdatePolicy: { TerminationWaitInSeconds: 600 },
        AutoRollbackConfiguration: { Alarms: [{ AlarmName: 'errors' }, { AlarmName: 'slow' }] },
      },
    })
  })

  it.each([0.25, 1])('take it back when an alarm goes off at %d, and say which', async (share) => {
    const on = endpoint()
    expect(await on.applied(await on.open(11, {}, hosting))).toBeNull()
    const begun = await on.begin(12, 'split', 1, {}, guarded(canary))
    const applied = on.applied(begun)
    await on.until(share)
    alarms().set('slow', 'ALARM')
    expect(await applied).toMatch(/took the update of g\d+ back: .*An alarm .*in ALARM: slow/)
    expect(on.served()).toBe('v11')
    expect(await on.applied(await on.finish(12, false))).toBeNull()
    // Nothing was tried a second time.
    expect(on.updates()).toHaveLength(1)
  })

  it('begin nothing where an alarm is not there, or has gone off already', async () => {
    const on = endpoint()
    expect(await on.applied(await on.open(21, {}, hosting))).toBeNull()
    expect(await on.applied(await on.begin(22, 'split', 1, {}, guarded(canary, ['errors', 'eror'])))).toContain(
      'CloudWatch has no alarm eror, so nothing would have it go back',
    )
    expect(await on.applied(await on.finish(22, false))).toBeNull()
    alarms().set('errors', 'ALARM')
    expect(await on.applied(await on.begin(22, 'split', 1, {}, guarded(canary)))).toContain(
      'alarm errors has gone off before anything moved',
    )
    expect(on.updates()).toHaveLength(0)
  })

  it('first give the champion the name that they need, since between two names SageMaker watches nothing', async () => {
    const on = endpoint()
    expect(await on.applied(await on.open(31))).toBeNull()
    expect(await on.applied(await on.begin(32, 'split', 1, {}, guarded(canary)))).toBeNull()
    expect(on.updates()).toHaveLength(2)
    expect(on.fake()?.shifted).toEqual([0.25, 1])
    expect(await on.applied(await on.finish(32, true))).toBeNull()
    expect(await place.ask(on.name)).toBe('AllTraffic')
    // The next one needs no name, and going back no shift.
    expect(await on.applied(await on.begin(33, 'split', 1, {}, guarded(canary)))).toBeNull()
    expect(on.updates()).toHaveLength(3)
    expect(await on.applied(await on.finish(33, true))).toBeNull()
    expect(await on.applied(await on.rollback(5))).toBeNull()
    expect(on.served()).toBe('v32')
  })

  it('are not begun a second time by whoever follows a worker that died before it said that they were', async () => {
    const on = endpoint()
    expect(await on.applied(await on.open(41, {}, hosting))).toBeNull()
    place.fake.world.script.addFault({ operation: 'AddTags', name: 'slipway:updated', code: 'AccessDeniedException' })
    const begun = await on.begin(42, 'split', 1, {}, guarded(canary))
    expect(await on.applied(begun).catch(({ code }) => code)).toBe('SAGEMAKER_DENIED')
    const applied = on.applied(begun)
    await on.until(1)
    alarms().set('errors', 'ALARM')
    expect(await applied).toContain('in ALARM: errors')
    expect(on.updates()).toHaveLength(1)
  })

  it('give way to whoever goes back meanwhile', async () => {
    const on = endpoint()
    expect(await on.applied(await on.open(51, {}, hosting))).toBeNull()
    const begun = await on.begin(52, 'split', 1, {}, guarded(canary))
    const applied = on.applied(begun)
    await on.until(0.25)
    const back = await on.rollback(2)
    expect(await applied).toContain('revision 3 has come since')
    expect(await on.applied(back)).toBeNull()
    expect(on.served()).toBe('v51')
  })

  it('guard asynchronous endpoints too', async () => {
    const on = endpoint()
    const asynchronous = { ...hosting, asynchronous: { output: 's3://answers/loans' } }
    expect(await on.applied(await on.open(61, {}, asynchronous))).toBeNull()
    const how = { ...guarded(canary), hosting: asynchronous }
    expect(await on.applied(await on.begin(62, 'split', 1, {}, how))).toBeNull()
    expect(on.fake()?.shifted).toEqual([0.25, 1])
    expect(on.served()).toBe('v62')
  })
})
