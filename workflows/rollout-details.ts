import { sharesInWords } from '../lib/stats/rollout-decision.ts'
import type { Stage } from '../lib/stats/rollout-metric.ts'
import type { RolloutStatus } from './messages.ts'

/** `25 %`, `shadow of 100 %`, `all, baking`: a stage in words. */
export function stageInWords({ mode, share }: Stage): string {
  const percent = `${Number((share * 100).toPrecision(4))} %`
  if (mode === 'shadow') return `shadow of ${percent}`
  return mode === 'bake' ? 'all, baking' : percent
}

/**
 * A rollout as Markdown, for the current details in Temporal's web UI: the sentence first, then the evidence, then the
 * past.
 */
export function rolloutDetails(status: RolloutStatus): string {
  const { endpoint, champion, candidate, stage, stageNumber, stages, outcome, reason, paused, verdicts, decisions } =
    status
  const title = `**${endpoint}**: version ${champion.version} → ${candidate.version}, ${outcome ?? `${stage} (step ${stageNumber} of ${stages})${paused ? ', paused' : ''}`}`
  const number = (value: number | null): string => (value === null ? 'none' : value.toPrecision(3))
  const evidence = verdicts.map(
    (verdict) =>
      `- **${verdict.metric}** ${verdict.verdict}: ${sharesInWords(verdict)}; e-value for worse ${number(verdict.harm)}, for not worse ${number(verdict.notWorse)}`,
  )
  const past = decisions.map(
    ({ at, stage: where, action, reason: why, by }) =>
      `- ${at} ${where}: **${action}**${by === undefined ? '' : ` by ${by}`}: ${why}`,
  )
  return [title, reason, ['## Evidence', '', ...evidence].join('\n'), ['## Decisions', '', ...past].join('\n')]
    .join('\n\n')
    .slice(0, 16_000)
}
