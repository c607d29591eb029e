import { cp, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { TrainedByTrial } from '../../formats/sagemaker-tuning.ts'
import type { ProgramPlace } from '../../learners/learner.ts'
import { layoutIn } from '../../learners/program/layout.ts'
import type { PackageSource } from '../../models/package.ts'
import { localFile } from '../../store/objects.ts'
import type { StepWork } from '../step-work.ts'
import { namingLog, programLog } from './program-place.ts'
import { unpackOutputs } from './sagemaker-files.ts'

/**
 * Takes the model that the best job of a search has trained: the same folders as of a job of its own, read by the same
 * code.
 * @throws SlipwayError SAGEMAKER_OUTPUT, PROGRAM_FAILED, with the job's log
 */
export async function takeTrained<T>(
  source: PackageSource,
  { folder, progress }: StepWork,
  { name, model, output, log, metrics, seconds }: NonNullable<TrainedByTrial['job']>,
  train: (place: ProgramPlace) => Promise<T>,
): Promise<T> {
  const { store } = source
  const root = `${folder}-program`
  const ownLog = join(folder, programLog)
  try {
    progress(`fetching what ${name} left`, 0.5)
    await mkdir(root, { recursive: true, mode: 0o700 })
    await cp(await localFile(store, log), ownLog)
    const archives = {
      model: await localFile(store, model),
      output: output === undefined ? undefined : await localFile(store, output),
    }
    await unpackOutputs(archives, name, layoutIn(root))
    return await train({ root, environments: '', log: ownLog, ran: { metrics, seconds } })
  } catch (error) {
    throw await namingLog(source, error, ownLog)
  } finally {
    await rm(root, { recursive: true, force: true, maxRetries: 10 })
  }
}
