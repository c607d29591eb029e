import { type ArtifactRef, type Digest, mediaTypes, type Output } from './artifact.ts'
import type { StepKind } from './plan.ts'
import type { PlanOutline, StepOutline } from './plan-outline.ts'

/** What a finished step hands on. */
export interface StepOutcome {
  readonly stepKey: string
  readonly cached: boolean
  readonly outputs: readonly Output[]
  readonly facts: Readonly<Record<string, unknown>>
}

/** Artifacts a step reads, by the name it reads them under. */
export type StepInputs = Readonly<Record<string, ArtifactRef>>

/** What of the inputs enters a step key. */
export function digestsOf(inputs: StepInputs): Record<string, string> {
  return Object.fromEntries(Object.entries(inputs).map(([name, { digest }]) => [name, digest]))
}

/** One output of a step by name. */
export function outputOf(outcome: StepOutcome | undefined, name: string): ArtifactRef {
  const found = outcome?.outputs.find((output) => output.name === name)
  if (found === undefined) throw new Error(`a step has no output "${name}"`)
  return { digest: found.digest, mediaType: found.mediaType, size: found.size }
}

/** A step of a plan, or of its outline, by id. */
export function stepOf<Some extends { readonly id: string; readonly kind: StepKind }, Kind extends Some['kind']>(
  { steps }: { readonly steps: readonly Some[] },
  id: string,
  kind: Kind,
): Extract<Some, { readonly kind: Kind }> {
  const step = steps.find((each) => each.id === id)
  if (step?.kind !== kind) throw new Error(`the plan has no ${kind} step "${id}"`)
  return step as Extract<Some, { readonly kind: Kind }>
}

/** The artifacts a guard reads besides: what serves now, and rows to compare on. */
export function guardedInputs(guarded: Readonly<Record<string, Digest | null>>): StepInputs {
  return Object.fromEntries(
    Object.entries(guarded).flatMap(([name, digest]) =>
      digest === null ? [] : [[name, { digest, mediaType: mediaTypes.bundle, size: 0 }]],
    ),
  )
}

/**
 * What a step reads, from what the steps before it made. `outcomes` are by step id.
 * A gate's opponent and what a guard compares with are not here: who is champion is known only when they are reached.
 */
export function inputsOf(plan: PlanOutline, step: StepOutline, outcomes: ReadonlyMap<string, StepOutcome>): StepInputs {
  const from = (id: string, name: string): ArtifactRef => outputOf(outcomes.get(id), name)
  switch (step.kind) {
    case 'snapshot':
      return {}
    case 'validate':
    case 'split':
      return { table: from(step.table, 'table') }
    case 'train':
      return { train: from(step.split, 'train'), validation: from(step.split, 'validation') }
    case 'package': {
      const train = stepOf(plan, step.model, 'train')
      const crosses = train.isCrossed ? ['crosses'] : []
      const files = ['model', 'training', 'baseline', 'parity', ...crosses].map((name) => [name, from(train.id, name)])
      return {
        ...Object.fromEntries(files),
        validation: from(train.split, 'validation'),
        snapshot: from(sourceOf(plan, train.split), 'table'),
      }
    }
    case 'evaluate':
      return { package: from(step.package, 'package'), part: from(step.split, step.part) }
    case 'gate': {
      const evaluation = stepOf(plan, step.evaluation, 'evaluate')
      return {
        package: from(step.package, 'package'),
        part: from(evaluation.split, evaluation.part),
        ...evaluationInputs('candidate', outcomes.get(step.evaluation)),
      }
    }
    case 'guard':
      return { package: from(step.package, 'package'), test: from(step.split, 'test') }
    case 'approve':
    case 'register':
    case 'deploy':
    case 'monitor':
    case 'batch':
      return { package: from(step.package, 'package') }
  }
}

/** The files of an evaluation, under names of their own. */
export function evaluationInputs(who: 'candidate' | 'opponent', outcome: StepOutcome | undefined): StepInputs {
  return Object.fromEntries(
    (outcome?.outputs ?? []).map((output) => [`${who}:${output.name}`, outputOf(outcome, output.name)]),
  )
}

/** The snapshot a table was made from. */
function sourceOf(plan: PlanOutline, id: string): string {
  const step = plan.steps.find((each) => each.id === id)
  return step?.kind === 'split' || step?.kind === 'validate' ? sourceOf(plan, step.table) : id
}
