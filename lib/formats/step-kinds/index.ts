import type { z } from 'zod'
import { backtest } from './backtest-step.ts'
import { snapshot, split, validate } from './data-steps.ts'
import { join, step, table } from './derived-steps.ts'
import { evaluate, gate, packageModel, train } from './model-steps.ts'
import { approve, batch, deploy, guard, mirror, monitor, register } from './release-steps.ts'
import type { StepKindEntry } from './step-kind.ts'
import { tensors } from './tensor-step.ts'
import { tune } from './tune-step.ts'
import { publish } from './view-step.ts'

/**
 * All kinds of steps there are. A new one is an entry here, its activity, and its verb in the builder
 * (`lib/definition/verbs/`).
 */
export const stepKinds = {
  snapshot,
  validate,
  table,
  join,
  step,
  publish,
  split,
  tune,
  train,
  package: packageModel,
  tensors,
  evaluate,
  backtest,
  gate,
  mirror,
  approve,
  register,
  deploy,
  monitor,
  guard,
  batch,
}

type Kinds = typeof stepKinds
export type StepKind = keyof Kinds
/** A step as a plan holds it. */
export type Step = { [Kind in StepKind]: z.infer<Kinds[Kind]['shape']> }[StepKind]
export type StepOf<Kind extends StepKind> = Extract<Step, { kind: Kind }>
type LinksOf<Entry> = Entry extends StepKindEntry<infer _, infer Links> ? Links : never
/** A step as a workflow sees it. */
export type StepOutline<Kind extends StepKind = StepKind> = Kind extends StepKind
  ? {
      readonly id: string
      readonly kind: Kind
      /** What it is about to do, in a line. */
      readonly summary: string
    } & LinksOf<Kinds[Kind]>
  : never

/**
 * What is known of a kind, without its types: for what is done with steps of all kinds alike. Undefined where there is
 * no such kind.
 */
export const findKind = (kind: string): StepKindEntry | undefined =>
  (stepKinds as Readonly<Record<string, StepKindEntry | undefined>>)[kind]

/** The kind of a step. */
export const kindOf = ({ kind }: { readonly kind: StepKind }): StepKindEntry => stepKinds[kind] as StepKindEntry

/** Whether a step has a learner: it trains a model, or tries some. */
export const isLearning = (step: Step): step is StepOf<'train'> | StepOf<'tune'> =>
  step.kind === 'train' || step.kind === 'tune'
