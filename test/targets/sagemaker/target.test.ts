import { describe, it } from 'vitest'
import { writeRoute } from '../../../lib/store/routes.ts'
import { describeTarget } from '../../contracts/target.ts'
import { whyNoContainers } from '../../sagemaker-fake/containers.ts'
import { openHostedPlace } from '../../support/hosted-place.ts'

const why = whyNoContainers()
if (why !== undefined) describe.skip(`target of SageMaker: ${why}`, () => it('is not tried', () => {}))
else
  describeTarget('of SageMaker', async () => {
    const place = await openHostedPlace()
    const rollout = {
      id: 'r1',
      candidate: place.version(2),
      mode: 'split' as const,
      share: 0.5,
      salt: 'r1',
      sticky: null,
      slowMs: 250,
    }
    return {
      target: place.target,
      routeAt: (revision) =>
        writeRoute(
          place.server.store,
          'loans',
          revision === 1
            ? { kind: 'open', variant: place.version(1), expect: undefined }
            : { kind: 'begin', rollout, expect: undefined },
          'test',
        ),
      async ask(requests) {
        for (let i = 0; i < requests; i++) await place.ask('loans')
      },
      wait: () => new Promise((resolve) => setTimeout(resolve, 50)),
      stop: place.stop,
    }
  })
