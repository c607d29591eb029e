import type { UserFunction } from '../formats/columns.ts'
import { SlipwayError } from '../formats/errors.ts'
import type { CodeRef, Step, StepKind, StepOf } from '../formats/plan.ts'
import { numberedId, requireOwnName } from '../formats/step-names.ts'

/**
 * Kinds of steps that come once a package is judged: the builder records them whenever they are said, a plan has them
 * at its end.
 */
type LastKind = 'guard' | 'deploy' | 'monitor' | 'batch'

/** What a pipeline's function has said so far: one for all its branches. */
export interface Recording {
  readonly pipeline: string
  /** Says where a user function's bundle is. */
  readonly codeOf: (userFunction: UserFunction, role: string) => CodeRef
  readonly steps: Step[]
  readonly last: { readonly [Kind in LastKind]: StepOf<Kind>[] }
  /** Packages whose definition says that they are not compared with the champion. */
  readonly uncompared: Set<string>
  /** Packages that only show how a model would have done: not compared either, and no version of any model. */
  readonly unregistered: Set<string>
}

/** Where in a recording a builder records: at its top, or in a branch. */
export interface Place {
  readonly recording: Recording
  /** `east`, `east/q1`; empty at the top. */
  readonly branch: string
}

export const startRecording = (pipeline: string, codeOf: Recording['codeOf']): Recording => ({
  pipeline,
  codeOf,
  steps: [],
  last: { guard: [], deploy: [], monitor: [], batch: [] },
  uncompared: new Set(),
  unregistered: new Set(),
})

/** An id where it is recorded: with its branch in front. */
export const idIn = ({ branch }: Pick<Place, 'branch'>, id: string): string => (branch === '' ? id : `${branch}/${id}`)

/** The id of the next step of a kind that nobody names: what it does, with its number from the second on. */
export const nextId = ({ recording, branch }: Place, kind: StepKind): string =>
  numberedId(recording.steps, kind, branch)

/** @returns the step's id @throws SlipwayError DEFINITION_INVALID when two steps of one kind have the same name */
export function add({ pipeline, steps }: Recording, step: Step): string {
  requireOwnName(pipeline, steps, step)
  steps.push(step)
  return step.id
}

/** A step without the id that it is given. */
type Nameless = { [Kind in LastKind]: Omit<StepOf<Kind>, 'id'> }[LastKind]

/**
 * Keeps a step for the end of the plan. @returns its id
 * @param word what it is called, where that is not its kind
 */
export function addLast({ recording, branch }: Place, step: Nameless, word?: string): string {
  const list: Step[] = recording.last[step.kind]
  const id = numberedId(list, step.kind, branch, word)
  list.push({ ...step, id } as Step)
  return id
}

/** A step that a handle of the same pipeline names. @throws SlipwayError DEFINITION_INVALID where there is none */
export function stepNamed<Kind extends StepKind>({ recording }: Place, kind: Kind, id: string): StepOf<Kind> {
  const { steps, last, pipeline } = recording
  const found = [...steps, ...Object.values(last).flat()].find((step) => step.id === id)
  if (found?.kind === kind) return found as StepOf<Kind>
  throw new SlipwayError('DEFINITION_INVALID', `pipeline "${pipeline}" has no ${kind} step "${id}"`, {
    next: 'use what the methods of this very pipeline returned',
  })
}

/** The step that took a package's model where that is of tensors alone. */
export const tensorsOf = ({ recording }: Place, packageId: string): StepOf<'tensors'> | undefined =>
  recording.steps.find((step): step is StepOf<'tensors'> => step.kind === 'tensors' && step.id === packageId)

/**
 * The step that trained a package's model.
 * @throws SlipwayError DEFINITION_INVALID for one of tensors alone, which has no rows
 */
export function trainingOf(at: Place, packageId: string): StepOf<'train'> {
  const taken = tensorsOf(at, packageId)
  if (taken === undefined) return stepNamed(at, 'train', stepNamed(at, 'package', packageId).model)
  throw new SlipwayError(
    'DEFINITION_INVALID',
    `pipeline "${at.recording.pipeline}": "${taken.file}" is a model of tensors, and this is about rows`,
    { next: 'deploy it and monitor its outputs; gates, batches, lookups and retraining are for models of rows' },
  )
}

/** The model that a package is a version of: named by the user, after its branch, or as the pipeline. */
export const modelOf = (at: Place, packageId: string): string =>
  tensorsOf(at, packageId)?.name ?? stepNamed(at, 'package', packageId).name ?? at.recording.pipeline

/** The model of what a branch packages, where nobody names it; undefined for that of the pipeline. */
export const modelOfBranch = ({ pipeline }: Recording, branch: string): string | undefined =>
  branch === '' ? undefined : `${pipeline}-${branch.replaceAll('/', '-')}`
