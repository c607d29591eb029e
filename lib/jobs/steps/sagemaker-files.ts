import { cp, mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { layOutProgramFolder } from '../../code/program-folder.ts'
import { SlipwayError } from '../../formats/errors.ts'
import type { SageMakerLearner } from '../../formats/sagemaker-learner.ts'
import type { Layout } from '../../learners/program/layout.ts'
import { startFile, toldFolder } from '../../learners/sagemaker/learner.ts'
import type { PackageSource } from '../../models/package.ts'
import type { Staging } from '../../sagemaker/staging.ts'
import { unpack } from '../../sagemaker/unpack.ts'

/** What a job may leave. */
const bounds = { bytes: 10e9, files: 10_000 }

/** Where SageMaker puts what a job left, below its staging. */
const outputIn = (job: string, file: string): string => `output/${job}/output/${file}`
/** What is there as long as what a job has left is. */
export const keptOutput = (job: string): string => outputIn(job, 'model.tar.gz')

/** Sends a job's channels: what was laid out, its program, and how that is started. */
export async function stageInputs(
  source: PackageSource,
  learner: SageMakerLearner,
  layout: Layout,
  place: Staging,
): Promise<void> {
  const { data } = learner
  for (const channel of ['train', 'validation', 'parity'] as const)
    await place.putFile(`input/${channel}/${channel}.${data}`, join(layout[channel], `${channel}.${data}`))
  await place.putFile('input/slipway/columns.json', join(layout.config, 'columns.json'))
  await place.putFile(`input/slipway/${startFile}`, join(layout.root, toldFolder, startFile))
  if (learner.files === undefined) return
  await layOutProgramFolder(source, learner.files, layout.code)
  const executable: string[] = []
  for (const entry of await readdir(layout.code, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = join(entry.parentPath, entry.name)
    const name = file.slice(layout.code.length + 1)
    await place.putFile(`input/code/${name}`, file)
    if (((await stat(file)).mode & 0o100) !== 0) executable.push(name)
  }
  // Objects have no right to execute.
  await place.put('input/slipway/executable', executable.map((name) => `${name}\n`).join(''))
}

/**
 * Fetches what a job left into its folders: of the output archive what lies at its top, or below `data/`.
 * @throws SlipwayError SAGEMAKER_OUTPUT
 */
export async function fetchOutputs(place: Staging, job: string, layout: Layout): Promise<void> {
  const into = async (file: string, folder: string): Promise<boolean> => {
    const archive = join(layout.root, file)
    if ((await place.fetch(outputIn(job, file), archive, bounds.bytes)) === undefined) return false
    await mkdir(folder, { recursive: true })
    await unpack(archive, folder, bounds, `${file} of the training job ${job}`)
    await rm(archive)
    return true
  }
  if (!(await into('model.tar.gz', layout.model)))
    throw new SlipwayError('SAGEMAKER_OUTPUT', `the training job ${job} completed and left no model.tar.gz`, {
      next: 'see whether something removes objects below sagemaker/ in the bucket of the store',
    })
  const unpacked = join(layout.root, 'unpacked')
  await mkdir(unpacked, { recursive: true })
  await mkdir(layout.outputData, { recursive: true })
  if (!(await into('output.tar.gz', unpacked))) return
  const isBelow = (await stat(join(unpacked, 'data')).catch(() => undefined))?.isDirectory() === true
  await cp(isBelow ? join(unpacked, 'data') : unpacked, layout.outputData, { recursive: true })
}
