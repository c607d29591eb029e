import { SlipwayError } from '../../formats/errors.ts'
import { Name } from '../../formats/step-id.ts'
import type { Builder } from '../builder.ts'
import { idIn, type Place } from '../recording.ts'

/** More branches than this are a plan that nobody reads, and a record that does not travel. */
const mostBranches = 500

/** @param builderAt makes the builder of a branch */
export const each =
  (at: Place, builderAt: (at: Place) => Builder): Builder['each'] =>
  (items, define) => {
    const names = items.map((item): string => (typeof item === 'string' ? item : item?.name))
    requireNames(at, names)
    const made = items.map((item, i) => {
      const branch = idIn(at, names[i] as string)
      const result = define(builderAt({ ...at, branch }), item)
      if (typeof (result as PromiseLike<unknown> | undefined)?.then !== 'function') return result
      void Promise.resolve(result).catch(() => {})
      throw new SlipwayError('DEFINITION_INVALID', `the function of branch "${branch}" is async`, {
        next: 'take `async` away: it only records the steps, and all of them before it ends',
      })
    })
    return Object.fromEntries(made.map((result, i) => [names[i], result])) as never
  }

/**
 * @throws SlipwayError DEFINITION_INVALID for an empty list, one that is too long, two equal names, or a name that is
 * none
 */
function requireNames({ recording: { pipeline } }: Place, names: readonly string[]): void {
  const refuse = (what: string, next: string): never => {
    throw new SlipwayError('DEFINITION_INVALID', `pipeline "${pipeline}": ${what}`, { next })
  }
  if (names.length === 0) refuse('p.each was given an empty list', 'give it the names of its branches')
  if (names.length > mostBranches)
    refuse(`p.each was given ${names.length} items, and ${mostBranches} is the most`, 'part the pipeline in several')
  for (const [i, name] of names.entries()) {
    const { error } = Name.safeParse(name)
    if (error !== undefined)
      refuse(`p.each cannot call a branch ${JSON.stringify(name) ?? 'undefined'}`, `${error.issues[0]?.message}`)
    if (names.indexOf(name) < i) refuse(`p.each was given "${name}" twice`, 'give each of its items a name of its own')
  }
}
