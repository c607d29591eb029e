import { describe, expect, it } from 'vitest'
import { type DeploymentOptions, deploymentIn } from '../../cli/deployment-options.ts'
import { deploymentSteps } from '../../client/deployment.ts'

const stepsOf = (options: DeploymentOptions) => deploymentSteps('m', deploymentIn(options))

describe('how a registered version comes to its endpoint', () => {
  it('is all at once where only the endpoint is said, and nowhere without one', () => {
    expect(stepsOf({})).toEqual([])
    expect(stepsOf({ endpoint: 'e' })).toMatchObject([
      {
        kind: 'deploy',
        package: 'package',
        model: 'm',
        endpoint: 'e',
        policy: { strategy: { kind: 'allAtOnce' }, shadow: null },
      },
    ])
  })

  it('is by a canary behind a shadow, with limits of its own, and is watched', () => {
    const options = {
      endpoint: 'e',
      canary: '5,50',
      shadow: true,
      minSamples: '40',
      slow: '900',
      within: '2h',
      checkEvery: '1d',
      psi: '0.3',
      minRows: '7',
    }
    expect(stepsOf(options)).toMatchObject([
      {
        kind: 'deploy',
        policy: {
          strategy: { kind: 'canary', steps: [5, 50] },
          shadow: { share: 1, minSamples: 40 },
          minSamples: 40,
          withinMs: 7_200_000,
          watch: [{ metric: 'errors' }, { metric: 'latency', overMs: 900 }],
        },
      },
      {
        kind: 'monitor',
        endpoint: 'e',
        policy: { everyMs: 86_400_000, minRows: 7, drift: [{ measure: 'psi', limit: 0.3 }], retrain: null },
      },
    ])
  })

  it.each([
    [{ canary: '50' }, '--canary says nothing without --endpoint'],
    [{ endpoint: 'e', minSamples: '3' }, '--min-samples says nothing without --canary or --shadow'],
    [{ endpoint: 'e', minRows: '3' }, '--min-rows says nothing without --check-every'],
  ])('is refused where an option says something of one that is missing: %j', (options, message) => {
    expect(() => deploymentIn(options)).toThrow(message)
  })

  it('is refused where the steps do not ascend', () => {
    expect(() => stepsOf({ endpoint: 'e', canary: '50,5' })).toThrow('canary steps must ascend')
  })
})
