import { z } from 'zod'

const nameRule = 'names are lower-case letters, digits and dashes, at most 63'
/** Kinds of steps that people name. */
const named = ['snapshot', 'train', 'table', 'step', 'backtest']
const name = '[a-z0-9][a-z0-9-]{0,62}'

/** A name that people give: of a pipeline, a model, an endpoint, a batch, a branch. */
export const Name = z.string().regex(new RegExp(`^${name}$`), nameRule)

/** The id of a step. Steps of a branch have its name in front, `east/split`. */
export const StepId = z.string().regex(new RegExp(`^(${name}/)*${name}$`), nameRule)

/**
 * The id of a step that may be a named one: called as another step it keeps its kind, `snapshot:gate`
 * (`step-names.ts`).
 */
export const NamedStepId = z.string().regex(new RegExp(`^(${name}/)*((${named.join('|')}):)?${name}$`), nameRule)

/** The branch of the outermost `p.each` that a step is in: `east` of `east/q1/split`; empty for a step in none. */
export const topBranchOf = (id: string): string => branchOf(id).split('/')[0] as string

/** The branch that a step is in, with those around it: `east` of `east/split`; empty for a step in none. */
export const branchOf = (id: string): string => id.slice(0, Math.max(0, id.lastIndexOf('/')))

/** What a step made: its id where that is its table, `weigh.report` for an output by name. */
export const ArtifactId = z
  .string()
  .regex(new RegExp(`^(${name}/)*((${named.join('|')}):)?${name}(\\.[A-Za-z][A-Za-z0-9_-]*)?$`), nameRule)

/** The step and the output that an artifact's id names. */
export function readOf(id: string): { readonly step: string; readonly output: string } {
  const [step = '', output = 'table'] = id.split('.')
  return { step, output }
}
