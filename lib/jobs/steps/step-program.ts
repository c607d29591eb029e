import { join, resolve, sep } from 'node:path'
import { layOutProgramFolder } from '../../code/program-folder.ts'
import { mediaTypes, type Output } from '../../formats/artifact.ts'
import { SlipwayError } from '../../formats/errors.ts'
import { nameOfStep } from '../../formats/step-names.ts'
import type { ProcessingProgram, StepProgram } from '../../formats/step-program.ts'
import type { PackageSource } from '../../models/package.ts'
import { processingJob } from '../../sagemaker/processing-job.ts'
import { processingRequest } from '../../sagemaker/processing-request.ts'
import type { Staging } from '../../sagemaker/staging.ts'
import type { LocalInput, OwnStepMade } from '../run-code.ts'
import { startFile } from '../step-program/lay-out.ts'
import { stepLayout } from '../step-program/layout.ts'
import type { WorkOn } from '../step-work.ts'
import { onSageMaker } from './on-sagemaker.ts'
import { inProgramPlace, programLog } from './program-place.ts'
import { putFolder } from './sagemaker-files.ts'

type Inputs = Readonly<Record<string, LocalInput>>
/** What a program made, with its log. */
type Made = OwnStepMade & { readonly logs: readonly Output[] }

/** What a job may leave. */
const bounds = { bytes: 10e9, files: 10_000 }

/** Carries out a step by a program, here or as a processing job on SageMaker; its log is an output of the step. */
export async function runStepProgram(
  source: PackageSource,
  work: WorkOn<'step'>,
  program: StepProgram,
  inputs: Inputs,
): Promise<Made> {
  const made = await (program.kind === 'program'
    ? runHere(source, work, program, inputs)
    : runThere(source, work, program, inputs))
  return { ...made, logs: [await work.output('log', programLog, mediaTypes.text)] }
}

function runHere(
  source: PackageSource,
  { step, folder, job }: WorkOn<'step'>,
  program: Extract<StepProgram, { kind: 'program' }>,
  inputs: Inputs,
): Promise<OwnStepMade> {
  return inProgramPlace(source, program, folder, ({ root, environments, log }) =>
    job('runStepProgram', {
      name: nameOfStep(step),
      program,
      inputs,
      outputs: step.outputs,
      root,
      environments,
      log,
      folder,
    }),
  )
}

function runThere(
  source: PackageSource,
  work: WorkOn<'step'>,
  program: ProcessingProgram,
  inputs: Inputs,
): Promise<OwnStepMade> {
  const { step, folder, job } = work
  const { outputs } = step
  const name = nameOfStep(step)
  return onSageMaker(source, {
    kind: processingJob,
    work,
    stem: name,
    timeoutMs: program.job?.timeoutMs ?? 0,
    waitMs: program.job?.waitMs ?? 0,
    metrics: program.metrics,
    requestOf: ({ uri }) =>
      processingRequest(program, {
        uri,
        inputs: Object.keys(inputs),
        outputs: Object.keys(outputs),
        script: startFile,
        run: work.run,
        stepKey: work.key,
      }),
    async stage(place, root) {
      await job('layOutStep', { name, program, inputs, outputs, root })
      const { code, inputs: written, told } = stepLayout(root)
      await putFolder(place, 'input', written)
      await putFolder(place, 'slipway', told)
      if (program.files === undefined) return
      await layOutProgramFolder(source, program.files, code)
      const executable = await putFolder(place, 'code', code)
      // Objects have no right to execute.
      await place.put('slipway/executable', executable.map((file) => `${file}\n`).join(''))
    },
    isKept: async (place) => (await place.list()).some((file) => file.startsWith('output/')),
    fetch: (place, called, root) => fetchMade(place, called, stepLayout(root).outputs),
    read: async ({ root, metrics }) => ({
      ...(await job('readStep', { name, program, outputs, root, folder })),
      facts: metrics,
    }),
  })
}

/** Fetches what a job left. @throws SlipwayError SAGEMAKER_OUTPUT where that is too much */
async function fetchMade(place: Staging, job: string, to: string): Promise<void> {
  const all = (await place.list()).filter((name) => name.startsWith('output/') && !name.endsWith('/'))
  if (all.length > bounds.files) throw tooMuch(`the processing job ${job} left ${all.length} files`)
  for (const name of all) {
    const file = resolve(to, name.slice('output/'.length))
    if (!file.startsWith(to + sep)) throw tooMuch(`the processing job ${job} left ${name}, outside its outputs`)
    await place.fetch(name, join(file), bounds.bytes)
  }
}

const tooMuch = (what: string): SlipwayError =>
  new SlipwayError('SAGEMAKER_OUTPUT', what, {
    next: `leave at most ${bounds.files} files of ${bounds.bytes / 1e9} GB, in the folders of the outputs`,
  })
