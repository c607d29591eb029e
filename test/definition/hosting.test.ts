import { describe, expect, it } from 'vitest'
import { type DeployOptions, errors, labelErrors, policyOf } from '../../lib/definition/deploy.ts'
import { requireHostable, requireWatchable, sagemakerEndpoint } from '../../lib/definition/hosting.ts'
import { deploy } from '../../lib/formats/step-kinds/release-steps.ts'

const image = '123456789012.dkr.ecr.us-east-1.amazonaws.com/slipway:1'
const role = 'arn:aws:iam::123456789012:role/serving'
const canary = { canary: { steps: [5, 50] } }
const planned = (hosting: object, strategy: object): void =>
  requireHostable(
    'loans',
    sagemakerEndpoint({ image, role, ...hosting } as Parameters<typeof sagemakerEndpoint>[0]),
    policyOf({ endpoint: 'loans', ...strategy } as DeployOptions),
  )
const serverless = { memoryMb: 2048, maxConcurrency: 5 }
const asynchronous = { output: 's3://bucket/answers' }
const instance = 'ml.m5.large'
const guarded = (shift: object, more = {}) => ({ guardrails: { alarms: ['errors'], wait: '10m', ...shift, ...more } })

describe('a deployment to SageMaker', () => {
  it.each([
    [{ instance, count: 2 }, canary],
    [{ instance }, { ...canary, shadow: true }],
    [{ instance }, { blueGreen: { bake: '10m' } }],
    [{ instance, autoscaling: { min: 1, max: 4, invocationsPerInstance: 500 } }, { ab: { share: 50, for: '1d' } }],
    [{ serverless }, { allAtOnce: true }],
    [{ instance, asynchronous }, { allAtOnce: true }],
    [
      { instance, capture: 1 },
      { canary: { steps: [5], watch: [{ metric: 'scores' }, labelErrors({ after: '1h' }).notWorseBy(0.05)] } },
    ],
    [{ instance, count: 4 }, guarded({ canary: { percent: 25 } })],
    [{ instance, count: 3 }, guarded({ linear: { percent: 34 } })],
    [{ instance, asynchronous, count: 2 }, guarded({ canary: { percent: 50 } })],
    [{ instance }, guarded({ allAtOnce: true })],
    [{ instance, variant: 'AllTraffic' }, { allAtOnce: true }],
  ])('is planned where SageMaker can do it: %j, %j', (hosting, strategy) => {
    expect(() => planned(hosting, strategy)).not.toThrow()
  })

  it.each([
    [{ serverless }, canary, 'canary: serverless endpoints have no second production variant'],
    [{ serverless }, { ab: { share: 50, for: '1d' } }, 'ab: serverless endpoints'],
    [{ serverless }, { blueGreen: { bake: '1m' } }, 'blueGreen, which bakes in the shadow: serverless endpoints'],
    [{ serverless }, { allAtOnce: true, shadow: true }, 'shadow: serverless endpoints have no shadow variants'],
    [{ serverless, capture: 1 }, { allAtOnce: true }, 'capture: serverless endpoints have no data capture'],
    [{ serverless, asynchronous }, { allAtOnce: true }, 'asynchronous: a serverless endpoint has no asynchronous'],
    [{ serverless, keepPrevious: true }, { allAtOnce: true }, 'keepPrevious: a serverless endpoint has no second'],
    [
      { serverless, autoscaling: { min: 1, max: 2, invocationsPerInstance: 1 } },
      { allAtOnce: true },
      'autoscaling: a serverless endpoint has no instances to scale',
    ],
    [{ instance, asynchronous }, canary, 'canary: asynchronous endpoints have no target variant of a request'],
    [{ instance, asynchronous }, { allAtOnce: true, shadow: true }, 'shadow: asynchronous endpoints have no shadow'],
    [{ instance }, { canary: { steps: [5], sticky: 'x-user' } }, 'drawn request by request'],
    [
      { instance },
      { canary: { steps: [5], watch: [errors.notWorseBy(0.01), { metric: 'scores' }] } },
      'scores.unchanged(): it rests on requests and answers that SageMaker writes down, and none are',
    ],
    [
      { instance, capture: 1 },
      { canary: { steps: [5], watch: [labelErrors({ after: '1h' }).notWorseBy(0.05)] }, shadow: true },
      'labelErrors: SageMaker does not say which requests its shadow was sent as well',
    ],
  ])('is refused by name where SageMaker lacks something: %j, %j', (hosting, strategy, words) => {
    expect(() => planned(hosting, strategy)).toThrow(words)
  })

  it.each([
    [{ instance, capture: 0.1 }, null],
    [{ instance, capture: 0.1, variant: 'AllTraffic' }, null],
    [{ instance }, 'p.monitor: it rests on requests and answers that SageMaker writes down, and none are'],
    [{ serverless }, 'p.monitor: serverless endpoints have no data capture'],
    [{ instance, asynchronous }, 'p.monitor: asynchronous endpoints have no data capture'],
  ])('is watched where requests are written down: %j', (hosting, words) => {
    const given = { image, role, ...hosting } as Parameters<typeof sagemakerEndpoint>[0]
    const watch = () => requireWatchable('loans', sagemakerEndpoint(given))
    if (words === null) expect(watch).not.toThrow()
    else expect(watch).toThrow(words)
  })

  it.each([
    [
      { instance, count: 2 },
      guarded({ canary: { percent: 10 } }),
      'canary of 10 %: it is less than one of 2 instances',
    ],
    [{ instance }, guarded({ linear: { percent: 50 } }), 'linear of 50 %: it is less than one of 1 instance'],
    [
      { instance, count: 8, autoscaling: { min: 2, max: 8, invocationsPerInstance: 9 } },
      guarded({ canary: { percent: 25 } }),
      'canary of 25 %: it is less than one of 2 instances',
    ],
    [
      { serverless },
      guarded({ allAtOnce: true }),
      'guardrails: not kept of serverless endpoints: SageMaker would move',
    ],
    [{ instance: 'ml.inf1.xlarge' }, guarded({ allAtOnce: true }), 'guardrails: not kept on ml.inf1.xlarge'],
    [{ instance }, { ...guarded({ allAtOnce: true }), shadow: true }, 'shadow: guardrails keep one variant'],
    [{ instance, keepPrevious: true }, guarded({ allAtOnce: true }), 'keepPrevious: guardrails keep one variant'],
    [{ instance }, guarded({ allAtOnce: true }, { alarms: [] }), 'without alarms SageMaker watches nothing'],
    [{ instance }, guarded({}), 'name one of canary, linear, allAtOnce; named are none'],
    [{ instance }, guarded({ allAtOnce: true, linear: { percent: 20 } }), 'named are linear, allAtOnce'],
    [{ instance }, guarded({ canary: { percent: 60 } }), 'canary: percent is 1 to 50'],
    [{ instance }, guarded({ linear: { percent: 5 } }), 'linear: percent is 10 to 50'],
    [{ instance }, guarded({ allAtOnce: true }, { wait: '2h' }), 'wait is 1 s to 1 h; it is 2h'],
    // Ten waits of an hour.
    [{ instance, count: 10 }, guarded({ linear: { percent: 10 } }, { wait: '1h' }), 'are 38700 s'],
  ])('is refused where SageMaker would not keep its guardrails: %j, %j', (hosting, strategy, words) => {
    expect(() => planned(hosting, strategy)).toThrow(words)
  })

  it.each([
    [canary, 'canary: endpoints with a named variant have no second variant'],
    [{ allAtOnce: true, shadow: true }, 'shadow: endpoints with a named variant have no second variant'],
  ])('whose versions share a variant has no two: %j', (strategy, words) => {
    expect(() => planned({ instance, variant: 'AllTraffic' }, strategy)).toThrow(words)
  })

  it.each([
    [{}, 'name an instance type, or serverless'],
    [{ instance, serverless }, 'name an instance type, or serverless'],
    [{ serverless, count: 2 }, 'a serverless endpoint has no instances to count'],
    [{ instance: 'm5.large' }, 'an instance type is like ml.m5.large'],
    [{ instance, role: 'serving' }, 'a role is arn:aws:iam::'],
    [{ instance, endpoint: 'a_b' }, 'names are letters, digits and single dashes'],
    [{ instance, autoscaling: { min: 3, max: 2, invocationsPerInstance: 1 } }, 'max is not below min'],
  ])('takes parameters that belong together only: %j', (hosting, words) => {
    expect(() => planned(hosting, { allAtOnce: true })).toThrow(words)
  })

  it('is in the outline of a plan, and leaves those of gateways as they were', () => {
    const policy = policyOf({ endpoint: 'loans', allAtOnce: true })
    const step = {
      id: 'deploy',
      kind: 'deploy',
      package: 'package',
      model: 'loans',
      endpoint: 'loans',
      policy,
    } as const
    expect(Object.keys(deploy.links(deploy.shape.parse(step)))).toEqual(['package', 'endpoint', 'policy'])
    const hosting = sagemakerEndpoint({ image, role, instance })
    const hosted = deploy.shape.parse({ ...step, target: 'sagemaker', hosting })
    expect(deploy.links(hosted)).toMatchObject({ target: 'sagemaker', hosting })
    expect(deploy.planned(hosted)).toContain('; on SageMaker: 1 × ml.m5.large')
  })
})
