import { SlipwayError } from './errors.ts'
import type { Dimension, ParameterValue, Space } from './tuning.ts'

/** Whether a learner takes a value of a parameter: undefined where it does, else why not. */
export type Refusal = (name: string, value: ParameterValue) => string | undefined

/**
 * A space with the kinds of numbers that its learner takes: a parameter that takes no fraction has whole numbers. Both
 * ends, and every choice, must be values that it takes.
 * @param called the training, for messages
 * @throws SlipwayError DEFINITION_INVALID, naming the parameter
 */
export function settleSpace(called: string, space: Space, refuses: Refusal): Space {
  return Object.fromEntries(
    Object.entries(space).map(([name, dimension]) => {
      for (const value of dimension.kind === 'choice' ? dimension.of : [dimension.from, dimension.to]) {
        const why = refuses(name, value)
        if (why !== undefined) throw invalid(called, `${name}: its learner does not take ${JSON.stringify(value)}`, why)
      }
      return [name, settled(name, dimension, refuses)]
    }),
  )
}

function settled(name: string, dimension: Dimension, refuses: Refusal): Dimension {
  if (dimension.kind !== 'number' || !Number.isInteger(dimension.from) || !Number.isInteger(dimension.to))
    return dimension
  const middle = Math.floor((dimension.from + dimension.to) / 2) + (dimension.from === dimension.to ? 0 : 0.5)
  return refuses(name, middle) === undefined ? dimension : { ...dimension, kind: 'whole' }
}

/** A definition of a search that says something impossible. */
export const invalid = (called: string, what: string, next: string): SlipwayError =>
  new SlipwayError('DEFINITION_INVALID', `tune of "${called}", ${what}`, { next })
