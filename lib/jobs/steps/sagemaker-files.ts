import { cp, mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { layOutProgramFolder } from '../../code/program-folder.ts'
import { SlipwayError } from '../../formats/errors.ts'
import type { SageMakerLearner } from '../../formats/sagemaker-learner.ts'
import { channelFormats } from '../../learners/program/channels.ts'
import type { Layout } from '../../learners/program/layout.ts'
import { startFile, toldFolder } from '../../learners/sagemaker/learner.ts'
import type { PackageSource } from '../../models/package.ts'
import type { Staging } from '../../sagemaker/staging.ts'
import type { JobPurpose } from '../../sagemaker/training-request.ts'
import { unpack } from '../../sagemaker/unpack.ts'
import type { StepWork } from '../step-work.ts'

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
  const executable = await putFolder(place, 'input/code', layout.code)
  // Objects have no right to execute.
  await place.put('input/slipway/executable', executable.map((name) => `${name}\n`).join(''))
}

/** What a job of a learner is for: the channels of the contract, and the script that starts its program. */
export function purposeOf(
  { data, files }: SageMakerLearner,
  {
    work,
    seed,
    task,
    uri,
  }: {
    readonly work: Pick<StepWork, 'run' | 'key'>
    readonly seed: number
    readonly task: string
    readonly uri: string
  },
): JobPurpose {
  const type = channelFormats[data]
  return {
    uri,
    channels: {
      train: type,
      validation: type,
      parity: type,
      slipway: undefined,
      ...(files !== undefined && { code: undefined }),
    },
    script: `/opt/ml/input/data/slipway/${startFile}`,
    env: { SLIPWAY_SEED: String(seed), SLIPWAY_TASK: task },
    run: work.run,
    stepKey: work.key,
  }
}

/** Sends a folder. @returns which of its files may be executed */
export async function putFolder(place: Staging, to: string, folder: string): Promise<string[]> {
  const executable: string[] = []
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = join(entry.parentPath, entry.name)
    const name = file.slice(folder.length + 1)
    await place.putFile(`${to}/${name}`, file)
    if (((await stat(file)).mode & 0o100) !== 0) executable.push(name)
  }
  return executable
}

/**
 * Fetches what a job left as it is.
 * @returns names of the archives in the folder; that of the outputs where there is one
 * @throws SlipwayError SAGEMAKER_OUTPUT
 */
export async function fetchArchives(place: Staging, job: string, folder: string) {
  const fetched = async (file: string): Promise<string | undefined> =>
    (await place.fetch(outputIn(job, file), join(folder, file), bounds.bytes)) === undefined ? undefined : file
  const model = await fetched('model.tar.gz')
  if (model === undefined)
    throw new SlipwayError('SAGEMAKER_OUTPUT', `the training job ${job} completed and left no model.tar.gz`, {
      next: 'see whether something removes objects below sagemaker/ in the bucket of the store',
    })
  return { model, output: await fetched('output.tar.gz') }
}

/**
 * Fetches what a job left into its folders: see `unpackOutputs`.
 * @throws SlipwayError SAGEMAKER_OUTPUT
 */
export async function fetchOutputs(place: Staging, job: string, layout: Layout): Promise<void> {
  const { model, output } = await fetchArchives(place, job, layout.root)
  const archives = [join(layout.root, model), ...(output === undefined ? [] : [join(layout.root, output)])] as const
  await unpackOutputs({ model: archives[0], output: archives[1] }, job, layout)
  for (const archive of archives) await rm(archive)
}

/**
 * Unpacks what a job left into its folders: of the output archive what lies at its top, or below `data/`.
 * @throws SlipwayError SAGEMAKER_OUTPUT
 */
export async function unpackOutputs(
  { model, output }: { readonly model: string; readonly output: string | undefined },
  job: string,
  layout: Layout,
): Promise<void> {
  await mkdir(layout.model, { recursive: true })
  await unpack(model, layout.model, bounds, `model.tar.gz of the training job ${job}`)
  const unpacked = join(layout.root, 'unpacked')
  await mkdir(unpacked, { recursive: true })
  await mkdir(layout.outputData, { recursive: true })
  if (output === undefined) return
  await unpack(output, unpacked, bounds, `output.tar.gz of the training job ${job}`)
  const isBelow = (await stat(join(unpacked, 'data')).catch(() => undefined))?.isDirectory() === true
  await cp(isBelow ? join(unpacked, 'data') : unpacked, layout.outputData, { recursive: true })
}
