import { logs } from './logs.ts'
import { tags } from './tags.ts'
import { trainingJobs } from './training-jobs.ts'
import type { FamilyMaker } from './world.ts'

/** Every family of resources that the fake has: a file each. */
export const families: readonly FamilyMaker[] = [trainingJobs, logs, tags]
