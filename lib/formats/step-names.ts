import { SlipwayError } from './errors.ts'
import { branchOf } from './step-id.ts'
import { kindOf, type Step, type StepKind } from './step-kinds/index.ts'

/** Steps that people name; the others are called by what they do: `split`, `gate-2`. */
type Named = Extract<StepKind, 'snapshot' | 'train' | 'table' | 'step' | 'backtest'>

/** The id of a named step while a definition is recorded: names of different kinds do not meet. */
export const recordedId = (kind: Named, name: string): string => `${kind}:${name}`

/**
 * The id of a step that nobody names: what it does, with its number from the second on in its branch.
 * @param word what it is called, where that is not its kind
 */
export function numberedId(steps: readonly Step[], kind: StepKind, branch = '', word: string = kind): string {
  const taken = steps.filter((step) => step.kind === kind && branchOf(step.id) === branch).length
  const name = taken === 0 ? word : `${word}-${taken + 1}`
  return branch === '' ? name : `${branch}/${name}`
}

/** What people call a step: `snapshot:gate` is the snapshot "gate", `east/train:delays` is "east/delays". */
export const nameOfStep = ({ id }: { readonly id: string }): string => id.replace(/(^|\/)[^/:]*:/, '$1')

/** @throws SlipwayError DEFINITION_INVALID when two steps of one kind have the same name */
export function requireOwnName(pipeline: string, steps: readonly Step[], { id, kind }: Step): void {
  if (!steps.some((step) => step.id === id)) return
  const name = nameOfStep({ id })
  throw new SlipwayError('DEFINITION_INVALID', `two ${kind} steps of pipeline "${pipeline}" are named "${name}"`, {
    next: 'give one of them another name',
  })
}

/**
 * Gives recorded steps the ids they keep: a named step its name, unless another step is called the same, as a snapshot
 * "gate" beside the gate; then it keeps its kind as well.
 */
export function settleIds(steps: readonly Step[]): Step[] {
  const bearers = new Map<string, number>()
  for (const name of steps.map(nameOfStep)) bearers.set(name, (bearers.get(name) ?? 0) + 1)
  // A colon in a name would be taken for such a kind: it stays, and is refused with the plan.
  const settled = (id: string): string => {
    const name = nameOfStep({ id })
    return bearers.get(name) === 1 && !name.includes(':') ? name : id
  }
  return steps.map((step) => mapRefs({ ...step, id: settled(step.id) }, settled))
}

/** A step with other ids in the place of those of the steps it names. */
function mapRefs(step: Step, change: (id: string) => string): Step {
  const changed = (named: unknown): unknown => {
    if (typeof named === 'string') return named.replace(/^[^.]*/, change)
    if (Array.isArray(named)) return named.map(changed)
    return Object.fromEntries(Object.entries(named as object).map(([name, id]) => [name, changed(id)]))
  }
  const fields = kindOf(step).refs.flatMap((field) => {
    const named: unknown = step[field as keyof Step]
    return named === undefined ? [] : [[field, changed(named)]]
  })
  return { ...step, ...Object.fromEntries(fields) }
}
