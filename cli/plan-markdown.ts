import type { Forecast } from '../client/forecast.ts'
import { shortDigest } from '../lib/formats/artifact.ts'
import { topBranchOf } from '../lib/formats/step-id.ts'
import { code, folded, markdownTable, plain } from '../lib/reports/markdown.ts'
import type { ComparedChampion, PlannedRelease } from './plan-against.ts'
import type { PlannedGate } from './plan-gates.ts'
import { comparedInWords } from './plan-table.ts'

/** What a plan would do, as it is shown and compared. */
export interface PlanDocument {
  readonly pipeline: string
  readonly digest: string
  readonly steps: readonly Forecast[]
  readonly gates: readonly PlannedGate[]
  readonly releases: readonly PlannedRelease[]
  /** What it was compared with; undefined for nothing. */
  readonly champions: readonly ComparedChampion[] | undefined
}

/** Whether a run of the plan would do or make something that was not done before. */
export const wouldChange = ({ steps, releases }: Pick<PlanDocument, 'steps' | 'releases'>): boolean =>
  steps.some(({ state, differs }) => state === 'runs' || typeof differs === 'string') ||
  releases.some(({ changes = [] }) => changes.length > 0)

/** A plan as a page of Markdown, for a comment on a pull request. */
export function planMarkdown(plan: PlanDocument, foldedBranches: ReadonlySet<string>): string {
  const { pipeline, digest, steps, champions } = plan
  const isShown = ({ step }: { readonly step: string }): boolean => !foldedBranches.has(topBranchOf(step))
  const runs = steps.filter(({ state }) => state === 'runs')
  const title = `### ${code(pipeline)}: ${runs.length === 0 ? 'no step would run' : `${runs.length} of ${steps.length} steps would run`}`
  const sections = [
    title,
    ...(champions ?? []).map((each) => plain(comparedInWords(each))),
    stepTable(steps.filter(isShown)),
    ...(foldedBranches.size === 0 ? [] : [`And ${foldedBranches.size} branches like the first.`]),
    ...gateSection(plan.gates.filter(isShown)),
    ...releaseSection(plan.releases.filter(isShown)),
    `plan ${code(shortDigest(digest as never))}`,
  ]
  return `${sections.join('\n\n')}\n`
}

const would = { reused: 'reused', runs: '**runs**', always: 'always' } as const

function stepTable(steps: readonly Forecast[]): string {
  const rows = steps
    .filter(({ state }) => state !== 'always')
    .map(({ step, state, reason, differs }) => {
      const other = state === 'reused' && typeof differs === 'string' ? `; differs from the champion's: ${differs}` : ''
      return [code(step), would[state], plain(`${reason}${other}`)]
    })
  return markdownTable(['step', 'would be', 'because'], rows)
}

function gateSection(gates: readonly PlannedGate[]): string[] {
  if (gates.length === 0) return []
  const rows = gates.map(({ step, part, name, note }) => [code(step), plain(name), part, plain(note ?? '')])
  return [folded(`${gates.length} gates would be judged`, markdownTable(['step', 'gate', 'on', 'note'], rows))]
}

function releaseSection(releases: readonly PlannedRelease[]): string[] {
  if (releases.length === 0) return []
  const inWords = ({ changes }: PlannedRelease): string =>
    changes === undefined ? '' : changes.length === 0 ? 'nothing' : plain(changes.join(', '))
  const isCompared = releases.some(({ changes }) => changes !== undefined)
  const header = ['step', 'does', ...(isCompared ? ['changes'] : [])]
  const rows = releases.map((each) => [code(each.step), plain(each.does), ...(isCompared ? [inWords(each)] : [])])
  const changed = releases.filter(({ changes = [] }) => changes.length > 0).length
  const title = !isCompared
    ? 'When the gates pass'
    : changed === 0
      ? 'The deployment stays as it is'
      : `The deployment changes in ${changed} of ${releases.length} steps`
  return [`**${title}**`, markdownTable(header, rows)]
}
