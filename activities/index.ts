import { createBacktestActivities } from './backtest.ts'
import { createBatchActivities } from './batch.ts'
import { createDataActivities } from './data.ts'
import { createDeriveActivities } from './derive.ts'
import { createMirrorActivities } from './mirror.ts'
import { createModelActivities } from './model.ts'
import { createMonitorActivities } from './monitor.ts'
import { createNeverWorseActivities } from './never-worse.ts'
import { createPlanActivities } from './plan.ts'
import { createRegistryActivities } from './registry.ts'
import { createRetrainActivities } from './retrain.ts'
import { createRolloutActivities } from './rollout.ts'
import type { ActivityDeps } from './step.ts'
import { createTuningActivities } from './tuning.ts'
import { createViewActivities } from './views.ts'

/** Everything a worker can do. */
export function createActivities(deps: ActivityDeps) {
  return {
    ...createPlanActivities(deps),
    ...createDataActivities(deps),
    ...createDeriveActivities(deps),
    ...createViewActivities(deps),
    ...createModelActivities(deps),
    ...createTuningActivities(deps),
    ...createBacktestActivities(deps),
    ...createRegistryActivities(deps),
    ...createMirrorActivities(deps),
    ...createRolloutActivities(deps),
    ...createMonitorActivities(deps),
    ...createRetrainActivities(deps),
    ...createNeverWorseActivities(deps),
    ...createBatchActivities(deps),
  }
}

export type Activities = ReturnType<typeof createActivities>
