import type { ComparedChampion } from '../client/plan-against.ts'
import type { PlanDocument, PlannedStep } from '../client/plan-run.ts'
import { versionInWords } from '../lib/formats/in-force.ts'
import { topBranchOf } from '../lib/formats/step-id.ts'

/** More branches than this are shown by the first of them. */
const shownBranches = 3

const would = { reused: 'be reused', runs: 'run', always: 'run always' } as const

/** Branches that the first one stands for, where there are many. */
export function foldedBranches(steps: PlanDocument['steps']): ReadonlySet<string> {
  const branches = [...new Set(steps.map(({ step }) => topBranchOf(step)))].filter((name) => name !== '')
  return new Set(branches.length > shownBranches ? branches.slice(1) : [])
}

/**
 * A plan as rows of step, what it comes after, what it would do, and why. Of many branches the first stands for all.
 */
export function planRows(steps: PlanDocument['steps']): string[][] {
  const folded = foldedBranches(steps)
  const isFolded = ({ step }: PlannedStep): boolean => folded.has(topBranchOf(step))
  const rows = steps
    .filter((each) => !isFolded(each))
    .map(({ step, after, state, reason }) => [step, after.join(', '), would[state], reason])
  if (folded.size === 0) return rows
  const others = steps.filter(isFolded)
  const of = (state: PlannedStep['state']): number => others.filter((each) => each.state === state).length
  const counts = `${of('reused')} be reused, ${of('runs')} run, ${of('always')} run always`
  const names = [...folded]
  return [
    ...rows,
    [`${names[0]} … ${names.at(-1)}`, '', 'the same', `${folded.size} branches more, whose steps would: ${counts}`],
  ]
}

/** What a model is compared with, in words. */
export function comparedInWords({ model, endpoint, champion, run }: ComparedChampion): string {
  const where = endpoint === null ? '' : ` for endpoint ${endpoint}`
  if (champion === null) return `${model} has no champion yet${where}: there is nothing to compare with`
  const made = run === null ? 'whose run is not on record' : `made by run ${run}`
  return `compared with the champion of ${model}${where}, ${versionInWords(champion)}, ${made}`
}

/** Of a comparison: what is reused and yet not the champion's, and what changes outside of the run. */
export function changeLines({ steps, releases }: Pick<PlanDocument, 'steps' | 'releases'>): string[] {
  const reused = steps.flatMap(({ step, state, differs }) =>
    state === 'reused' && typeof differs === 'string' ? [`  ${step}: ${differs}`] : [],
  )
  const released = releases.flatMap(({ step, changes = [] }) =>
    changes.length === 0 ? [] : [`  ${step}: ${changes.join(', ')}`],
  )
  return [
    ...(reused.length === 0 ? [] : ["\nreused, and not what the champion's run made:", ...reused]),
    ...(released.length === 0 ? [] : ['\nchanges of what is deployed and watched:', ...released]),
  ]
}
