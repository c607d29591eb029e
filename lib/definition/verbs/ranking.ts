import { type Check, subjectOf } from '../../formats/check.ts'
import { SlipwayError } from '../../formats/errors.ts'
import type { LearnerParameters } from '../../formats/learner.ts'
import type { RowSchema } from '../../formats/row-schema.ts'
import { type Place, stepNamed } from '../recording.ts'

/** What a ranking is trained on, by what, and whose order it is. */
interface Ranked {
  readonly on: { readonly id: string; readonly schema: RowSchema }
  readonly target: { readonly column: string; readonly group?: string }
  readonly weight: string | undefined
  readonly learner: LearnerParameters
}

/**
 * Draws of the bootstrap have a group as often as it was drawn, which a function of the user's could not tell apart.
 * @throws SlipwayError DEFINITION_INVALID
 */
export function requireComparable(checks: readonly Check[]): void {
  const own = checks.find((check) => check.rule === 'notWorseThan' && check.own !== undefined)
  if (own === undefined) return
  throw new SlipwayError(
    'DEFINITION_INVALID',
    `the metric "${subjectOf(own)}" of yours is compared with the champion, and rankings are compared by drawing groups`,
    { next: "hold it to atLeast or atMost, and compare by ndcg.notWorseThan('champion', …)" },
  )
}

const groupTypes: readonly string[] = ['string', 'integer', 'bigint']

/**
 * Its group is a column of texts or whole numbers and nothing else besides, its learner orders rows, and its split may
 * keep groups whole: whether one by time does is seen in training.
 * @throws SlipwayError DEFINITION_INVALID
 */
export function requireRankable(called: string, at: Place, { on, target, weight, learner }: Ranked): void {
  const refuse = (what: string, next: string): never => {
    throw new SlipwayError('DEFINITION_INVALID', what, { next })
  }
  const { column, group = '' } = target
  const found = on.schema.find(({ name }) => name === group)
  if (found === undefined)
    refuse(
      `the group of "${called}" is no column: "${group}"`,
      `there are ${on.schema.map(({ name }) => name).join(', ')}`,
    )
  else if (!groupTypes.includes(found.type))
    refuse(`the group of "${called}" is a ${found.type} column: "${group}"`, 'take one of texts or of whole numbers')
  if (group === column || group === weight)
    refuse(
      `"${group}" is both the group and the ${group === column ? 'target' : 'weight'} of "${called}"`,
      'group rows by another column',
    )
  if (learner.kind === 'linear')
    refuse(`the learner of "${called}" does not rank`, 'take trees(…), a program, or a finished model')
  const { rule } = stepNamed(at, 'split', on.id)
  if (rule.by === 'random' || rule.by === 'stratum')
    refuse(
      `"${called}" ranks rows by "${group}", and its split tears such groups apart: it is ${rule.by === 'random' ? 'at random' : `stratified by ${rule.column}`}`,
      `split by a hash of the group: { byHashOf: '${group}', validation: ${rule.validation}, test: ${rule.test} }`,
    )
}
