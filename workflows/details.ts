import { shortDigest } from '../pipelines/artifact.ts'
import { metricsInWords } from '../pipelines/gates.ts'
import { describeRule, rulesOf } from '../pipelines/monitor.ts'
import type { Plan } from '../pipelines/plan.ts'
import type { GateResult, RunRecord, StepReport } from '../pipelines/records.ts'
import { describeStrategy } from '../pipelines/rollout.ts'
import type { RunProgress } from './messages.ts'

/** Temporal's own limit is far above; more than this nobody reads. Characters. */
const limit = 16_000

/** A run as Markdown, for the current details in Temporal's web UI. */
export function runDetails(
  plan: Plan,
  progress: RunProgress,
  gates: readonly GateResult[],
  model: RunRecord['model'],
): string {
  const sentence =
    progress.waitingFor === null
      ? `**${plan.pipeline}**: ${progress.stage}`
      : `**${plan.pipeline}** waits for the approval of ${progress.waitingFor.role} until ${progress.waitingFor.until}`
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

/** What a step is about to do, for its bar in the timeline. At most 200 bytes are shown. */
export function stepSummary(step: Plan['steps'][number]): string {
  switch (step.kind) {
    case 'snapshot':
      return `snapshot • ${step.from}`
    case 'validate':
      return `validate • ${step.schema.length} columns, at most ${step.maxBadRows * 100} % bad rows`
    case 'split':
      return `split • by ${step.rule.by} of ${step.rule.column}`
    case 'train':
      return `train • ${step.learner.trees} trees × ${step.learner.leaves} leaves, seed ${step.seed}`
    case 'package':
      return `package • ONNX, parity ${step.parity}`
    case 'evaluate':
      return `evaluate • on ${step.part}${step.slices.length > 0 ? `, by ${step.slices.join(', ')}` : ''}`
    case 'gate':
      return `gate • ${step.must.length} checks`
    case 'approve':
      return `approve • ${step.role}`
    case 'register':
      return `register • ${step.model}`
    case 'deploy':
      return `deploy • ${step.endpoint}: ${describeStrategy(step.policy)}`
    case 'monitor':
      return `monitor • ${step.endpoint}: ${rulesOf(step.policy).map(describeRule).join(', ')}`
    case 'batch':
      return `batch • ${step.name}: ${step.policy.cron ?? 'when asked'}`
    case 'guard':
      return `never worse • than champion and anchor by ${step.margin}, alpha ${Number(step.alpha.toPrecision(2))}`
  }
}

/** What a finished step made, in one line. */
export function outcomeSummary(kind: StepReport['kind'], facts: Readonly<Record<string, unknown>>): string {
  const n = (value: unknown): string => String(value).replace(/\B(?=(\d{3})+$)/g, ',')
  const metrics = (value: unknown): string => metricsInWords(value as Record<string, number>)
  switch (kind) {
    case 'snapshot':
      return facts.reused === true
        ? `${n(facts.rows)} rows of the snapshot given`
        : `${n(facts.rows)} rows in ${n(facts.files)} file${facts.files === 1 ? '' : 's'}`
    case 'validate':
      return String(facts.verdict)
    case 'split':
      return `${n(facts.train)} train, ${n(facts.validation)} validation, ${n(facts.test)} test${facts.undated === undefined ? '' : `; ${n(facts.undated)} without a date left out`}`
    case 'train':
      return `${n(facts.trees)} trees on ${n(facts.rows)} rows; validation ${metrics(facts.metrics)}`
    case 'package':
      return `${n(facts.bytes)} bytes of ONNX${kernelInWords(facts.kernel)}; parity ${Number(facts.parity).toExponential(1)} over ${n(facts.parityRows)} rows`
    case 'evaluate':
      return `${metrics(facts.metrics)} on ${n(facts.rows)} rows`
    case 'gate':
    case 'guard': {
      const gates = facts.gates as GateResult[]
      if (gates.length === 0) return 'nothing else is served that it could be worse than'
      return `${gates.filter(({ passed }) => passed).length} of ${gates.length} passed`
    }
    default:
      return String(facts.summary ?? '')
  }
}

/** Packages made before there were kernels say nothing of them. */
function kernelInWords(kernel: unknown): string {
  if (kernel === undefined) return ''
  return kernel === 'proven' ? ', kernel proven' : `, no kernel (${kernel})`
}
