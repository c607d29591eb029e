import { shortDigest } from '../lib/formats/artifact.ts'
import { metricsInWords } from '../lib/formats/check.ts'
import type { GateResult, RunRecord, StepReport } from '../lib/formats/records.ts'
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
export function outcomeSummary(kind: StepReport['kind'], facts: Readonly<Record<string, unknown>>): string {
  const n = (value: unknown): string => String(value).replace(/\B(?=(\d{3})+$)/g, ',')
  const metrics = (value: unknown): string => metricsInWords(value as Record<string, number>)
  switch (kind) {
    case 'snapshot':
      return facts.reused === true
        ? `${n(facts.rows)} rows of the snapshot given`
        : `${n(facts.rows)} rows in ${n(facts.files)} file${facts.files === 1 ? '' : 's'}${facts.read === undefined ? '' : `, ${facts.read}`}`
    case 'validate':
      return String(facts.verdict)
    case 'split':
      return `${n(facts.train)} train, ${n(facts.validation)} validation, ${n(facts.test)} test${facts.undated === undefined ? '' : `; ${n(facts.undated)} without a date left out`}${facts.missed === undefined ? '' : `; note: ${facts.missed}`}`
    case 'train':
      return `${n(facts.trees)} trees on ${n(facts.rows)} rows; validation ${metrics(facts.metrics)}`
    case 'package':
      return `${n(facts.bytes)} bytes of ONNX${compiledInWords(facts.kernel)}; parity ${Number(facts.parity).toExponential(1)} over ${n(facts.parityRows)} rows`
    case 'evaluate':
      return `${metrics(facts.metrics)} on ${n(facts.rows)} rows`
    case 'gate':
    case 'guard': {
      const { failed, judged } = gateCounts(facts)
      if (judged === 0) return 'nothing else is served that it could be worse than'
      return `${judged - failed} of ${judged} passed`
    }
    default:
      return String(facts.summary ?? '')
  }
}

/** How many gates a step judged, and how many failed; records of 0.6 and before name all of them. */
export function gateCounts({ gates, judged, failed }: Readonly<Record<string, unknown>>): {
  readonly judged: number
  readonly failed: number
} {
  const all = (gates ?? []) as GateResult[]
  return {
    judged: (judged as number | undefined) ?? all.length,
    failed: (failed as number | undefined) ?? all.filter(({ passed }) => !passed).length,
  }
}

/** Packages made before models were compiled say nothing of them. */
function compiledInWords(compiled: unknown): string {
  if (compiled === undefined) return ''
  return compiled === 'proven' ? ', compiled model proven' : `, no compiled model (${compiled})`
}
