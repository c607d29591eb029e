import type { z } from 'zod'
import { SlipwayError } from '../formats/errors.ts'
import type { ProgramLearner } from '../formats/learner.ts'
import { ProcessingProgram, StepProgram } from '../formats/step-program.ts'
import { type JobOptions, jobSettings } from './learners.ts'

export interface ProcessingOptions
  extends Omit<z.input<typeof ProcessingProgram>, 'kind' | 'files' | 'job'>,
    Omit<JobOptions, 'spot'> {}

/**
 * A step of one's own as a processing job on SageMaker: the same folder and contract as `program`, in a container of
 * yours there; see `ProcessingProgram` for the parameters and their defaults.
 */
export function sagemakerProcessing(options: ProcessingOptions): ProcessingProgram {
  const { role, volume, timeout, wait, network, encryptionKey, ...given } = options
  const job = jobSettings({ role, volume, timeout, wait, network, encryptionKey })
  return ProcessingProgram.parse({ kind: 'sagemaker', ...given, job })
}

/** Settings of a program that say something of a model. */
const ofModels = ['hyperparameters', 'deterministic', 'predictions'] as const
/** Inputs and outputs that a processing job may have (CreateProcessingJob): two of the inputs are its program. */
const most = { inputs: 8, outputs: 10 }

/**
 * The program of a step.
 * @throws SlipwayError DEFINITION_INVALID for what a step cannot do with
 */
export function stepProgram(
  name: string,
  program: ProgramLearner | ProcessingProgram,
  inputs: readonly string[],
  outputs: readonly string[],
): StepProgram {
  const refuse = (what: string, next: string): never => {
    throw new SlipwayError('DEFINITION_INVALID', `step "${name}" ${what}`, { next })
  }
  const { kind, ...given } = program as Readonly<Record<string, unknown>>
  if (kind !== 'program' && kind !== 'sagemaker')
    return refuse(
      'is carried out by neither a function nor a program',
      'give `run` a function, program({ … }) or sagemakerProcessing({ … })',
    )
  if (kind === 'sagemaker' && !StepProgram.safeParse(program).success)
    return refuse('is no training', 'say sagemakerProcessing({ … })')
  for (const setting of ofModels) {
    const value = given[setting]
    if (value !== undefined && Object.keys(Object(value)).length + Number(typeof value !== 'object') > 0)
      return refuse(`has no model for \`${setting}\``, 'say what the program needs as arguments of its command')
  }
  for (const each of [...inputs, ...outputs])
    if (!/^[A-Za-z][A-Za-z0-9_-]{0,62}$/.test(each))
      return refuse(
        `calls something "${each}", which is a folder's name there`,
        'names are letters, digits, dashes and underscores, at most 63',
      )
  if (kind === 'sagemaker' && (inputs.length > most.inputs || outputs.length > most.outputs))
    return refuse(
      `has ${inputs.length} inputs and ${outputs.length} outputs`,
      `a processing job takes ${most.inputs} and makes ${most.outputs} at most`,
    )
  const { hyperparameters: _, madeUp: __, ...kept } = program as ProgramLearner
  return StepProgram.parse(kept)
}
