import type { Forecast } from '../client/forecast.ts'
import { versionInWords } from '../lib/formats/in-force.ts'
import { graphOf } from '../lib/formats/plan-graph.ts'
import type { PlanOutline } from '../lib/formats/plan-outline.ts'
import { topBranchOf } from '../lib/formats/step-id.ts'
import type { ComparedChampion, PlannedRelease } from './plan-against.ts'

/** More branches than this are shown by the first of them. */
const shownBranches = 3

const would = { reused: 'be reused', runs: 'run', always: 'run always' } as const

/** By step, the steps it comes right after: what it waits for, less what those wait for themselves. */
export function comesAfter(plan: PlanOutline): Map<string, readonly string[]> {
  const nodes = graphOf(plan)
  const waits = new Map(nodes.map(({ id, needs, after }) => [id, [...needs, ...after]]))
  const ancestors = new Map<string, Set<string>>()
  // Steps stand in an order in which they can run: what a step waits for is known before it.
  for (const { id } of nodes) {
    const known = waits.get(id) as string[]
    ancestors.set(id, new Set(known.flatMap((other) => [other, ...(ancestors.get(other) ?? [])])))
  }
  return new Map(
    [...waits].map(([id, known]) => [
      id,
      known.filter((each) => !known.some((other) => other !== each && ancestors.get(other)?.has(each) === true)),
    ]),
  )
}

/** Branches that the first one stands for, where there are many. */
export function foldedBranches({ steps }: PlanOutline): ReadonlySet<string> {
  const branches = [...new Set(steps.map(({ id }) => topBranchOf(id)))].filter((name) => name !== '')
  return new Set(branches.length > shownBranches ? branches.slice(1) : [])
}

/**
 * A plan as rows of step, what it comes after, what it would do, and why. Of many branches the first stands for all.
 */
export function planRows(plan: PlanOutline, forecasts: readonly Forecast[]): string[][] {
  const after = comesAfter(plan)
  const folded = foldedBranches(plan)
  const isFolded = ({ step }: Forecast): boolean => folded.has(topBranchOf(step))
  const rows = forecasts
    .filter((each) => !isFolded(each))
    .map(({ step, state, reason }) => [step, (after.get(step) ?? []).join(', '), would[state], reason])
  if (folded.size === 0) return rows
  const others = forecasts.filter(isFolded)
  const of = (state: Forecast['state']): number => others.filter((each) => each.state === state).length
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
export function changeLines({
  steps,
  releases,
}: {
  readonly steps: readonly Forecast[]
  readonly releases: readonly PlannedRelease[]
}): string[] {
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
