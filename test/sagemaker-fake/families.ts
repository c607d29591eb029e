import { autoScaling } from './autoscaling.ts'
import { cloudWatch } from './cloudwatch.ts'
import { endpointConfigs } from './endpoint-configs.ts'
import { endpoints } from './endpoints.ts'
import { logs } from './logs.ts'
import { modelPackages } from './model-packages.ts'
import { models } from './models.ts'
import { pipelines } from './pipelines.ts'
import { processingJobs } from './processing-jobs.ts'
import { queues } from './queues.ts'
import { runtime } from './runtime.ts'
import { tags } from './tags.ts'
import { trainingJobs } from './training-jobs.ts'
import { transformJobs } from './transform-jobs.ts'
import { tuningJobs } from './tuning-jobs.ts'
import type { FamilyMaker } from './world.ts'

/** Every family of resources that the fake has: a file each. */
export const families: readonly FamilyMaker[] = [
  trainingJobs.family,
  tuningJobs,
  processingJobs.family,
  models,
  transformJobs.family,
  modelPackages,
  pipelines,
  queues,
  endpointConfigs,
  endpoints,
  runtime,
  cloudWatch,
  autoScaling,
  logs,
  tags,
]
