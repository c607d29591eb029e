import { describe, expect, it } from 'vitest'
import type { SageMakerHosting } from '../../../lib/formats/hosting.ts'
import type { ModelVersion, Route } from '../../../lib/formats/route.ts'
import { desiredStateOf, variantOf } from '../../../lib/targets/sagemaker/desired-state.ts'
import { configOf, modelNameOf } from '../../../lib/targets/sagemaker/requests.ts'

const hosting: SageMakerHosting = {
  kind: 'sagemaker',
  image: '123456789012.dkr.ecr.us-east-1.amazonaws.com/slipway:1',
  role: 'arn:aws:iam::123456789012:role/serving',
  instance: 'ml.m5.large',
}
const version = (number: number, over: Partial<SageMakerHosting> = {}): ModelVersion => ({
  model: 'loans',
  version: number,
  digest: `sha256:${String(number).repeat(64)}`,
  hosting: { ...hosting, ...over },
})
const route = (over: Partial<Route> = {}): Route => ({
  slipway: 'route/1',
  endpoint: 'loans',
  revision: 7,
  champion: version(3),
  previous: version(2),
  rollout: null,
  ...over,
})
const rollout = (mode: 'shadow' | 'split' | 'bake', share: number): Route['rollout'] => ({
  id: 'r',
  candidate: version(4),
  mode,
  share,
  salt: 'r',
  sticky: null,
  slowMs: null,
})
const weights = (state: ReturnType<typeof desiredStateOf>): Record<string, [number, number]> =>
  Object.fromEntries(
    [version(2), version(3), version(4)].map((each) => [
      each.version,
      [
        state.production.find(({ name }) => name === variantOf(each))?.weight ?? -1,
        state.shadow.find(({ name }) => name === variantOf(each))?.weight ?? -1,
      ],
    ]),
  )

describe('what SageMaker is to serve', () => {
  it('is the champion alone while nothing is rolled out', () => {
    expect(weights(desiredStateOf(route()))).toEqual({ 2: [-1, -1], 3: [1, -1], 4: [-1, -1] })
  })

  it.each([
    ['a canary: two variants with weights', 'split', 0.05, { 3: [0.95, -1], 4: [0.05, -1] }],
    ['blue-green before it turns: a variant without traffic', 'split', 0, { 3: [1, -1], 4: [0, -1] }],
    ['a shadow: a shadow variant that samples', 'shadow', 0.25, { 3: [1, -1], 4: [-1, 0.25] }],
    ['a bake: the candidate, with the champion as its shadow', 'bake', 1, { 3: [-1, 1], 4: [1, -1] }],
  ] as const)('is, of %s', (_, mode, share, expected) => {
    expect(weights(desiredStateOf(route({ rollout: rollout(mode, share) })))).toEqual({ 2: [-1, -1], ...expected })
  })

  it('keeps the version before without traffic where that is asked for, and its model in any case', () => {
    const kept = desiredStateOf(route({ champion: version(3, { keepPrevious: true }) }))
    expect(weights(kept)).toMatchObject({ 2: [0, -1], 3: [1, -1] })
    expect(desiredStateOf(route()).kept.map(({ version: number }) => number)).toEqual([2])
  })

  it.each([
    ['serverless', { instance: undefined, serverless: { memoryMb: 2048, maxConcurrency: 5 } as const }],
    ['asynchronous', { asynchronous: { output: 's3://answers/loans' } }],
  ])('is one variant of a %s endpoint: a candidate takes over as its rollout begins', (_, over) => {
    const begun = { ...(rollout('split', 0) as object), candidate: version(4, over) } as Route['rollout']
    const state = desiredStateOf(route({ champion: version(3, over), rollout: begun }))
    expect(state.production.map(({ name, weight }) => [name, weight])).toEqual([[variantOf(version(4)), 1]])
    // Going back needs no upload.
    expect(state.kept.map(({ version: number }) => number)).toContain(3)
    expect(state.guardrails).toBeUndefined()
  })

  it('is, under guardrails, the candidate under the one name, after the champion under that name', () => {
    const guardrails = { alarms: ['errors'], shift: { kind: 'allAtOnce' as const }, waitSeconds: 60 }
    const candidate = version(4, { variant: 'AllTraffic' })
    const begun = { ...(rollout('split', 1) as object), candidate, guardrails } as Route['rollout']
    const state = desiredStateOf(route({ rollout: begun }))
    const named = (each: typeof state | undefined) =>
      each?.production.map(({ name, version: { version: number }, weight }) => [name, number, weight])
    expect(named(state)).toEqual([['AllTraffic', 4, 1]])
    expect(named(state.before)).toEqual([['AllTraffic', 3, 1]])
    expect([state.guardrails, state.before?.guardrails]).toEqual([guardrails, undefined])
    expect(desiredStateOf(route({ champion: candidate })).before).toBeUndefined()
  })

  it('takes the hosting of another version of the route for one that was never deployed there', () => {
    const { hosting: _, ...bare } = version(1)
    expect(desiredStateOf(route({ champion: bare })).production[0]?.hosting).toEqual(hosting)
  })

  it('is refused for a route of gateways, and for one with two names', () => {
    const { hosting: _, ...bare } = version(3)
    expect(() => desiredStateOf(route({ champion: bare, previous: null }))).toThrow('was not deployed to SageMaker')
    const other = route({ champion: version(3, { endpoint: 'a' }), previous: version(2, { endpoint: 'b' }) })
    expect(() => desiredStateOf(other)).toThrow('has two names on SageMaker: a, b')
  })
})

describe('names of configurations and models', () => {
  const configured = (state: Route) => configOf('loans', desiredStateOf(state), 'bucket')

  it('are the same for the same, and differ in their ending alone where weights differ', () => {
    const [five, fifty] = [0.05, 0.5].map((share) => configured(route({ rollout: rollout('split', share) })))
    expect(five?.sameBut).toBe(fifty?.sameBut)
    expect(five?.request.EndpointConfigName).not.toBe(fifty?.request.EndpointConfigName)
    expect(configured(route({ revision: 9 })).request.EndpointConfigName).toBe(
      configured(route()).request.EndpointConfigName,
    )
  })

  it('differ where the instances, the image, the model or what is captured do', () => {
    const names = [
      route(),
      route({ champion: version(3, { count: 2 }) }),
      route({ champion: version(3, { image: 'other' }) }),
      route({ champion: version(5) }),
      route({ champion: version(3, { capture: 0.5 }) }),
      route({ champion: version(3, { variant: 'AllTraffic' }) }),
    ].map((each) => configured(each).sameBut)
    expect(new Set(names).size).toBe(names.length)
  })

  it('fit SageMaker, however long an endpoint’s name is', () => {
    const long = `a${'-b'.repeat(31)}`
    const name = configOf(long, desiredStateOf(route({ endpoint: long })), 'bucket').request.EndpointConfigName
    const names = [name, modelNameOf(long, version(123_456), hosting), variantOf(version(3))]
    for (const each of names) {
      expect(each.length).toBeLessThanOrEqual(63)
      expect(each).toMatch(/^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$/)
    }
  })
})
