import { logs } from './logs.ts'
import { modelPackages } from './model-packages.ts'
import { models } from './models.ts'
import { pipelines } from './pipelines.ts'
import { tags } from './tags.ts'
import { trainingJobs } from './training-jobs.ts'
import { transformJobs } from './transform-jobs.ts'
import type { FamilyMaker } from './world.ts'

/** Every family of resources that the fake has: a file each. */
export const families: readonly FamilyMaker[] = [
  trainingJobs,
  models,
  transformJobs,
  modelPackages,
  pipelines,
  logs,
  tags,
]
