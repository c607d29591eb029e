import { describe, expect, it } from 'vitest'
import { type DeployOptions, errors, policyOf } from '../../lib/definition/deploy.ts'
import { requireHostable, sagemakerEndpoint } from '../../lib/definition/hosting.ts'
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

describe('a deployment to SageMaker', () => {
  it.each([
    [{ instance, count: 2 }, canary],
    [{ instance }, { ...canary, shadow: true }],
    [{ instance }, { blueGreen: { bake: '10m' } }],
    [{ instance, autoscaling: { min: 1, max: 4, invocationsPerInstance: 500 } }, { ab: { share: 50, for: '1d' } }],
    [{ serverless }, { allAtOnce: true }],
    [{ instance, asynchronous }, { allAtOnce: true }],
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
      'scores.unchanged(): what is captured there is not read as evidence',
    ],
  ])('is refused by name where SageMaker lacks something: %j, %j', (hosting, strategy, words) => {
    expect(() => planned(hosting, strategy)).toThrow(words)
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
