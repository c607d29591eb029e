import type { PlannedRelease } from '../client/plan-against.ts'
import type { PlannedGate } from '../client/plan-gates.ts'
import type { PlanDocument, PlannedStep } from '../client/plan-run.ts'
import { shortDigest } from '../lib/formats/artifact.ts'
import { topBranchOf } from '../lib/formats/step-id.ts'
import { code, folded, markdownTable, plain } from '../lib/reports/markdown.ts'
import { comparedInWords, foldedBranches } from './plan-table.ts'

/** A plan as a page of Markdown, for a comment on a pull request. */
export function planMarkdown(pipeline: string, document: PlanDocument): string {
  const { plan, steps, gates, releases, champions = [] } = document
  const hidden = foldedBranches(steps)
  const isShown = ({ step }: { readonly step: string }): boolean => !hidden.has(topBranchOf(step))
  const runs = steps.filter(({ state }) => state === 'runs')
  const title = `### ${code(pipeline)}: ${runs.length === 0 ? 'no step would run' : `${runs.length} of ${steps.length} steps would run`}`
  const sections = [
    title,
    ...champions.map((each) => plain(comparedInWords(each))),
    stepTable(steps.filter(isShown)),
    ...(hidden.size === 0 ? [] : [`And ${hidden.size} branches like the first.`]),
    ...gateSection(gates.filter(isShown)),
    ...releaseSection(releases.filter(isShown)),
    `plan ${code(shortDigest(plan.digest))}`,
  ]
  return `${sections.join('\n\n')}\n`
}

const would = { reused: 'reused', runs: '**runs**', always: 'always' } as const

function stepTable(steps: readonly PlannedStep[]): string {
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
