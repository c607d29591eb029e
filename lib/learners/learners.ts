import { SlipwayError } from '../formats/errors.ts'
import type { LearnerParameters } from '../formats/learner.ts'
import type { CategoryOrder, Learned, Learner, LearnerOrder } from './learner.ts'
import { linearLearner } from './linear/learner.ts'
import { programLearner } from './program/learner.ts'
import { sageMakerLearner } from './sagemaker/learner.ts'
import { treesLearner } from './trees/learner.ts'

/** A learner of any parameters, as a table holds it. */
export type AnyLearner = Learner<{ readonly kind: string }>

/** Slipway's own learners, one entry each, by the kind that plans name. */
const own: Readonly<Record<string, AnyLearner>> = {
  trees: treesLearner as unknown as AnyLearner,
  linear: linearLearner as unknown as AnyLearner,
  program: programLearner as unknown as AnyLearner,
  sagemaker: sageMakerLearner as unknown as AnyLearner,
}

/** Learners that a configuration adds, by their kind. */
export type OutsideLearners = ReadonlyMap<string, AnyLearner>

/**
 * Puts learners from outside together.
 * @throws SlipwayError DEFINITION_INVALID for two of one kind, Slipway's own included
 */
export function outsideLearners(learners: readonly AnyLearner[]): OutsideLearners {
  const found = new Map<string, AnyLearner>()
  for (const learner of learners) {
    if (Object.hasOwn(own, learner.kind) || learner.kind === 'outside' || found.has(learner.kind))
      throw new SlipwayError('DEFINITION_INVALID', `two learners are called "${learner.kind}"`, {
        next: 'give the one in `extend` another kind',
      })
    found.set(learner.kind, learner)
  }
  return found
}

/** A learner with its parameters in place. */
export interface ReadyLearner {
  readonly parameters: unknown
  categoryOrder(texts: number): CategoryOrder
  /** Of those that train elsewhere. */
  layOut(
    order: Omit<LearnerOrder<unknown>, 'parameters'>,
    onProgress: (what: string, done: number) => void,
  ): Promise<void>
  train(
    order: Omit<LearnerOrder<unknown>, 'parameters'>,
    onProgress: (what: string, done: number) => void,
  ): Promise<Learned>
}

/**
 * The learner that a train step names.
 * @throws SlipwayError DEFINITION_INVALID where there is none of that kind, or where its parameters are not what it
 *   takes
 */
export function learnerOf(named: LearnerParameters, outside: OutsideLearners = new Map()): ReadyLearner {
  const [kind, given] =
    named.kind === 'outside' ? [named.name, { kind: named.name, ...named.parameters }] : [named.kind, named]
  const learner = named.kind === 'outside' ? outside.get(kind) : own[kind]
  if (learner === undefined)
    throw new SlipwayError('DEFINITION_INVALID', `no learner is called "${kind}"`, {
      next: `there are ${[...Object.keys(own), ...outside.keys()].join(', ')}; others are listed in \`extend\` of slipway.config.ts`,
    })
  const parsed = learner.parameters.safeParse(given)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new SlipwayError('DEFINITION_INVALID', `learner "${kind}", ${issue?.path.join('.')}: ${issue?.message}`, {
      next: 'correct the parameters of the learner',
    })
  }
  const parameters = parsed.data
  return {
    parameters,
    categoryOrder: (texts) => learner.categoryOrder(parameters, texts),
    layOut: async (order, onProgress) => learner.layOut?.({ ...order, parameters }, onProgress),
    train: async (order, onProgress) => learner.train({ ...order, parameters }, onProgress),
  }
}
