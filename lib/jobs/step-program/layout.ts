import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { StepProgram } from '../../formats/step-program.ts'
import { passedOn, resources } from '../../learners/program/layout.ts'

/** Folders of a step's program, below one that stands for `/opt/ml` of SageMaker's processing containers. */
export interface StepLayout {
  readonly root: string
  readonly code: string
  readonly config: string
  readonly processing: string
  readonly inputs: string
  readonly outputs: string
  /** What it is told by us. */
  readonly told: string
  /** Where it may say what there is to say of its end. */
  readonly failure: string
  readonly home: string
  readonly temporary: string
}

export function stepLayout(root: string): StepLayout {
  const processing = join(root, 'processing')
  return {
    root,
    code: join(root, 'code'),
    config: join(root, 'config'),
    processing,
    inputs: join(processing, 'input'),
    outputs: join(processing, 'output'),
    told: join(processing, 'slipway'),
    failure: join(root, 'output/message'),
    home: join(root, 'home'),
    temporary: join(root, 'tmp'),
  }
}

/** What says which inputs and outputs there are, in `told`. */
export const stepFile = 'step.json'

/**
 * The environment of a step's program: where everything is. Nothing of ours but what programs may see.
 * @param path where programs are looked for
 */
export function stepEnvironment(
  { data }: StepProgram,
  layout: StepLayout,
  path: string,
  ours: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const threads = String(availableParallelism())
  return {
    ...passedOn(ours),
    PATH: path,
    HOME: layout.home,
    TMPDIR: layout.temporary,
    TZ: 'UTC',
    PYTHONUNBUFFERED: '1',
    PYTHONHASHSEED: '0',
    OMP_NUM_THREADS: threads,
    SAGEMAKER_BASE_DIR: layout.root,
    SM_MODULE_DIR: layout.code,
    SM_RESOURCE_CONFIG: JSON.stringify(resources),
    SM_CURRENT_HOST: resources.current_host,
    SM_HOSTS: JSON.stringify(resources.hosts),
    SM_NUM_CPUS: threads,
    SM_NUM_GPUS: '0',
    SLIPWAY_INPUT_DIR: layout.inputs,
    SLIPWAY_OUTPUT_DIR: layout.outputs,
    SLIPWAY_DATA: data,
    SLIPWAY_STEP: join(layout.told, stepFile),
    SLIPWAY_MESSAGE: layout.failure,
  }
}
