import { shortDigest } from '../lib/formats/artifact.ts'
import { metricsInWords } from '../lib/formats/check.ts'
import type { GateResult, RunRecord } from '../lib/formats/records.ts'
import { kindOf, type StepKind } from '../lib/formats/step-kinds/index.ts'
import type { RunProgress } from './messages.ts'

/** Temporal's own limit is far above; more than this nobody reads. Characters. */
const limit = 16_000

/** A run as Markdown, for the current details in Temporal's web UI. */
export function runDetails(
  pipeline: string,
  progress: RunProgress,
  gates: readonly GateResult[],
  model: RunRecord['model'],
): string {
  const { waitingFor, waits } = progress
  const anew = waitingFor?.anew ?? null
  const sentence =
    waitingFor === null
      ? `**${pipeline}**: ${waits ?? progress.stage}`
      : `**${pipeline}** waits for the approval of ${waitingFor.role} until ${waitingFor.until}${anew === null ? '' : ` (${anew})`}`
  const steps = progress.finished.map(
    ({ name, cached, seconds, summary }) =>
      `- **${name}** ${cached ? '(reused)' : `(${seconds.toFixed(1)} s)`}: ${summary}`,
  )
  const gateLines = gates.map(
    ({ name, passed, evidence }) => `- ${passed ? 'passed' : '**failed**'}: ${name}: ${evidence}`,
  )
  const sections = [sentence, ['## Steps', '', ...steps].join('\n')]
  if (gateLines.length > 0) sections.push(['## Gates', '', ...gateLines].join('\n'))
  if (model !== null) sections.push(`## Model\n\n${modelInWords(model)}, \`${shortDigest(model.digest)}\``)
  return sections.join('\n\n').slice(0, limit)
}

const modelInWords = (model: NonNullable<RunRecord['model']>): string =>
  `${model.name} version ${model.version}${model.champion ? ', champion' : ''}`

/** How a run ended, for the last bar of its timeline. */
export function endSummary(record: Pick<RunRecord, 'status' | 'model' | 'metrics' | 'gates' | 'error'>): string {
  const failed = record.gates.filter(({ passed }) => !passed)
  if (failed.length > 0) return `gate failed • ${failed.map(({ name, evidence }) => `${name}: ${evidence}`).join('; ')}`
  if (record.model !== null)
    return `${record.status} • ${modelInWords(record.model)}, ${metricsInWords(record.metrics)}`
  return record.error === null ? record.status : `${record.status} • ${record.error.message}`
}

/** What a finished step made, in one line. */
export function outcomeSummary(kind: StepKind, facts: Readonly<Record<string, unknown>>): string {
  return kindOf({ kind }).made?.(facts) ?? String(facts.summary ?? '')
}
