import type { StepProgram } from '../../formats/step-program.ts'
import { requireProgram } from '../../learners/program/command.ts'
import { useEnvironment } from '../../learners/program/environment.ts'
import { runGuarded } from '../../learners/program/guarded.ts'
import { requireSuccess } from '../../learners/program/learner.ts'
import type { OwnStepMade } from '../run-code.ts'
import type { Progress } from '../step-work.ts'
import { layOutStep, type StepProgramOrder } from './lay-out.ts'
import { stepEnvironment, stepLayout } from './layout.ts'
import { readStep } from './read.ts'

/** A step's program that runs here: its files lie in `code` below the root already. */
export interface StepHere extends StepProgramOrder {
  readonly program: Extract<StepProgram, { kind: 'program' }>
  /** Folder of all environments of this worker. */
  readonly environments: string
  readonly log: string
  /** Where what it made is written. */
  readonly folder: string
}

/** Largest log that is kept, bytes. */
const logBytes = 4e6

/**
 * Runs a step's program under a guard, as learners that are programs run.
 * @throws SlipwayError PROGRAM_FAILED, PROGRAM_LIMIT, ENVIRONMENT_FAILED, TABLE_SCHEMA
 */
export async function runStepProgram(order: StepHere, onProgress: Progress): Promise<OwnStepMade> {
  const { program, root, environments, log } = order
  const layout = stepLayout(root)
  await layOutStep(order, onProgress)
  const { command, limits = {}, metrics = {} } = program
  const { path, release } = await useEnvironment(
    { made: program.environment, code: layout.code, environments, log: `${log}.environment` },
    (line) => onProgress(`making its environment: ${line}`, 0),
  )
  try {
    requireProgram(command[0] as string, path, layout.code)
    const ended = await runGuarded(
      {
        command,
        workingFolder: layout.code,
        env: stepEnvironment(program, layout, path),
        folder: root,
        log: { file: log, bytes: logBytes, metrics: Object.entries(metrics) },
        limits,
      },
      (line) => onProgress(line, 0.1),
    )
    await requireSuccess(ended, layout, program, log)
    return { ...(await readStep(order, onProgress)), facts: ended.metrics }
  } finally {
    release()
  }
}
