import { type ArtifactRef, type Digest, mediaTypes, type Output } from './artifact.ts'
import type { PlanOutline, StepOutline } from './plan-outline.ts'
import { readOf } from './step-id.ts'
import { kindOf, type StepKind } from './step-kinds/index.ts'
import type { PlanView, Read } from './step-kinds/step-kind.ts'

/** What a finished step hands on. */
export interface StepOutcome {
  readonly stepKey: string
  readonly cached: boolean
  readonly outputs: readonly Output[]
  readonly facts: Readonly<Record<string, unknown>>
}

/** Artifacts a step reads, by the name it reads them under. */
export type StepInputs = Readonly<Record<string, ArtifactRef>>

/** What is read under a name. */
export function required(inputs: StepInputs, name: string): ArtifactRef {
  const ref = inputs[name]
  if (ref === undefined) throw new Error(`input "${name}" is missing`)
  return ref
}

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

/** Steps by id, of plans that were asked for one: plans do not change, and large ones are asked often. */
const indexes = new WeakMap<readonly object[], ReadonlyMap<string, unknown>>()

function findStep<Some extends { readonly id: string }>(steps: readonly Some[], id: string): Some | undefined {
  const index = indexes.get(steps) ?? new Map(steps.map((step) => [step.id, step]))
  indexes.set(steps, index)
  return index.get(id) as Some | undefined
}

/** A step of a plan, or of its outline, by id. */
export function stepOf<Some extends { readonly id: string; readonly kind: StepKind }, Kind extends Some['kind']>(
  { steps }: { readonly steps: readonly Some[] },
  id: string,
  kind: Kind,
): Extract<Some, { readonly kind: Kind }> {
  const step = findStep(steps, id)
  if (step?.kind !== kind) throw new Error(`the plan has no ${kind} step "${id}"`)
  return step as Extract<Some, { readonly kind: Kind }>
}

/** The artifacts a never-worse gate reads besides: what serves now, and rows to compare on. */
export function comparedInputs(compared: Readonly<Record<string, Digest | null>>): StepInputs {
  return Object.fromEntries(
    Object.entries(compared).flatMap(([name, digest]) =>
      digest === null ? [] : [[name, { digest, mediaType: mediaTypes.bundle, size: 0 }]],
    ),
  )
}

/**
 * What a step reads from others, under the names it reads it under.
 * @param onLook hears of the steps that are looked at to know that
 */
export function readsOf(
  plan: PlanOutline,
  step: StepOutline,
  onLook: (id: string) => void = () => {},
): Readonly<Record<string, Read>> {
  const view: PlanView = {
    step(kind, id) {
      onLook(id)
      return stepOf(plan, id, kind.shape.shape.kind.value) as never
    },
    sourceOf: (table) => sourceOf(plan, table, onLook),
  }
  return kindOf(step).reads(step, view)
}

/**
 * What a step reads, from what the steps before it made. `outcomes` are by step id. What a gate compares a candidate
 * with is not here, nor what a never-worse gate does: who is champion is known only then.
 */
export function inputsOf(plan: PlanOutline, step: StepOutline, outcomes: ReadonlyMap<string, StepOutcome>): StepInputs {
  const inputs = Object.entries(readsOf(plan, step)).map(([name, { step: id, output }]) => {
    const outcome = outcomes.get(id)
    return output === undefined ? allOf(name, outcome) : { [name]: outputOf(outcome, output) }
  })
  return Object.assign({}, ...inputs)
}

/** All that a step made, under names of their own: `opponent:predictions`. */
export function allOf(name: string, outcome: StepOutcome | undefined): StepInputs {
  const named = (outcome?.outputs ?? []).map((output) => [`${name}:${output.name}`, outputOf(outcome, output.name)])
  return Object.fromEntries(named)
}

/** The table that one was made from by leaving rows out: a snapshot, or a table that was derived. */
function sourceOf(plan: PlanOutline, id: string, onLook: (id: string) => void): string {
  const named = readOf(id).step
  onLook(named)
  const step = findStep(plan.steps, named)
  return step !== undefined && 'table' in step ? sourceOf(plan, step.table, onLook) : id
}
