import type { Activities } from '../../activities/index.ts'
import type { createMonitorActivities } from '../../activities/monitor.ts'
import type { createRetrainActivities } from '../../activities/retrain.ts'
import type { createRolloutActivities } from '../../activities/rollout.ts'
import type { Route } from '../../lib/formats/route.ts'

const digest = `sha256:${'7'.repeat(64)}` as const

/** A route whose champion is version 1 of `sample`. */
export const sampleRoute: Route = {
  slipway: 'route/1',
  endpoint: 'sample',
  revision: 1,
  champion: { model: 'sample', version: 1, digest },
  previous: null,
  rollout: null,
}

/**
 * Activities of endpoints, rollouts, monitors and supervisors that answer at once; `calls` notes what was asked of the
 * route.
 */
export function rolloutMocks(
  calls: string[],
  over: Partial<Activities> = {},
): Pick<
  Activities,
  | Exclude<keyof ReturnType<typeof createRolloutActivities>, 'tellEndpointOwner'>
  | keyof ReturnType<typeof createMonitorActivities>
  | keyof ReturnType<typeof createRetrainActivities>
> {
  const noHistory = { errors: { n: 0, k: 0 }, latency: { n: 0, k: 0 } }
  return {
    lookAtEndpoint: async () => ({ route: null, cursors: {}, history: noHistory }),
    requestRouteChange: async ({ change }) => {
      calls.push(change.kind === 'traffic' ? `traffic ${change.share}` : change.kind)
      return { route: sampleRoute, gateways: 1, mismatch: null }
    },
    writeRouteChange: async () => ({ route: sampleRoute, champion: null, waitsFor: null }),
    readBack: async () => ({ gateways: 1, mismatch: null }),
    reconcileRoute: async () => null,
    requestChampion: async () => {},
    beginRollout: async () => {},
    collectEvidence: async ({ seq, cursors, before }) => ({
      seq,
      at: Date.now(),
      blocks: [],
      cursors: { ...cursors },
      before,
      taken: null,
    }),
    endRollout: async () => {},
    establishMonitor: async ({ plan, isRetraining }) => {
      calls.push(`monitor by ${plan.slice(0, 12)}${isRetraining ? ', retraining' : ''}`)
    },
    checkEndpoint: async () => null,
    signalSupervisor: async () => {},
    calmSupervisor: async () => {},
    sendAlert: async () => {},
    readSupervision: async () => null,
    prepareRetraining: async () => {
      throw new Error('nothing is retrained here')
    },
    findGuarded: async () => null,
    guardCandidate: async () => ({ stepKey: 'guard', cached: false, outputs: [], facts: { passed: true, gates: [] } }),
    ...over,
  }
}
