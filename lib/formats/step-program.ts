import { z } from 'zod'
import { Digest } from './artifact.ts'
import { ProgramLearner } from './learner.ts'
import { MetricExpressions } from './metric-expressions.ts'
import { JobSettings } from './sagemaker-learner.ts'

/** A program that a step of one's own is carried out by, where the worker runs. */
const HereProgram = ProgramLearner.pick({
  kind: true,
  command: true,
  folder: true,
  files: true,
  data: true,
  environment: true,
  metrics: true,
  limits: true,
})

/** The same in a container of SageMaker's: a processing job. */
export const ProcessingProgram = z
  .strictObject({
    kind: z.literal('sagemaker'),
    /** The image's address in a registry: by digest it names one image for ever. */
    image: z.string().min(1).max(255),
    /** The program and its arguments, as they are; without one the image runs what it runs by itself. */
    command: z.array(z.string().min(1).max(256)).min(1).max(100).optional(),
    /** Where the program's files are, from the project's folder: for people. */
    folder: z.string().min(1).optional(),
    /** The bundle of its files. Set when a plan is made. */
    files: Digest.optional(),
    /** What the tables that it reads and makes are written in. */
    data: z.enum(['csv', 'parquet']).default('csv'),
    instance: z.string().regex(/^ml\.[a-z0-9-]+\.[a-z0-9-]+$/, 'an instance type as ml.m5.large'),
    count: z.int().min(1).max(100).default(1),
    metrics: MetricExpressions.optional(),
    job: JobSettings.omit({ spot: true }).optional(),
  })
  .refine(({ command, folder }) => folder === undefined || command !== undefined, 'a folder needs a command')
export type ProcessingProgram = z.infer<typeof ProcessingProgram>

/** What carries out a step of one's own that is no function: the same folder and contract, here or there. */
export const StepProgram = z.discriminatedUnion('kind', [HereProgram, ProcessingProgram])
export type StepProgram = z.infer<typeof StepProgram>

/**
 * What of a program decides what it makes: in step keys. Where it lies, what it may take and as whom it runs is not.
 */
export function stepProgramInKey(program: StepProgram): Readonly<Record<string, unknown>> {
  if (program.kind === 'program') {
    const { folder: _, limits: __, ...rest } = program
    return rest
  }
  const { folder: _, job: __, ...rest } = program
  return rest
}

/** In a plan's summary: `python clean.py in ./steps/clean`. */
export function describeStepProgram(program: StepProgram): string {
  if (program.kind === 'program') return `${program.command.join(' ')} in ${program.folder}`
  const { command, image, count, instance } = program
  return `${command?.join(' ') ?? image} on SageMaker, ${count === 1 ? '' : `${count} × `}${instance}`
}
