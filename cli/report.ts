import { shortDigest } from '../pipelines/artifact.ts'
import { metricsInWords } from '../pipelines/gates.ts'
import type { RunRecord } from '../pipelines/records.ts'
import { colors } from './colors.ts'
import { seconds, table } from './output.ts'

/** The documented JSON of a run. */
export function runJson(record: RunRecord): unknown {
  const { runId, workflowId, status, exitCode, plan, steps, gates, model, metrics, rollout, error } = record
  return {
    runId,
    workflowId,
    status,
    exitCode,
    plan,
    steps: steps.map(({ name, cached, stepKey, seconds, outputs }) => ({
      name,
      cached,
      stepKey,
      seconds,
      outputs: outputs.map((output) => ({ name: output.name, digest: output.digest })),
    })),
    gates: gates.map(({ name, passed, value, limit, evidence }) => ({ name, passed, value, limit, evidence })),
    model:
      model === null
        ? null
        : { name: model.name, version: model.version, digest: model.digest, champion: model.champion },
    metrics,
    ...(rollout === null ? {} : { rollout }),
    ...(error === null ? {} : { error }),
  }
}

/** Gates as a table for people. */
export function gateTable(record: RunRecord): string {
  return table(
    ['gate', 'outcome', 'evidence'],
    record.gates.map(({ name, passed, evidence }) => [name, passed ? 'passed' : 'FAILED', evidence]),
  )
}

/** The verdict on a run in one sentence. */
export function verdict(record: RunRecord): string {
  const { model } = record
  if (record.status === 'succeeded' && model !== null) {
    const measured = Object.keys(record.metrics).length === 0 ? '' : ` (${metricsInWords(record.metrics, 1)})`
    return colors.green(
      `${model.name} version ${model.version}${model.champion ? ' is champion' : ' is registered'}${measured}, model digest ${model.digest}`,
    )
  }
  if (record.status === 'succeeded') return colors.green('all steps done')
  return colors.red(`${record.status}: ${record.error?.message ?? ''}`)
}

/** A run as a JUnit report: one case a step, one a gate. (Format as read by Jenkins and GitLab.) */
export function junit(record: RunRecord): string {
  const xml = (text: string): string =>
    text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
  const cases = record.steps.map(
    ({ name, seconds: took }) =>
      `  <testcase classname="${xml(record.pipeline)}.steps" name="${xml(name)}" time="${took.toFixed(3)}"/>`,
  )
  for (const { name, passed, evidence } of record.gates) {
    const open = `  <testcase classname="${xml(record.pipeline)}.gates" name="${xml(name)}" time="0"`
    cases.push(passed ? `${open}/>` : `${open}><failure message="${xml(evidence)}"/></testcase>`)
  }
  const { error } = record
  const isOtherError = error !== null && error.code !== 'GATE_FAILED'
  if (isOtherError)
    cases.push(
      `  <testcase classname="${xml(record.pipeline)}.steps" name="${xml(error.step ?? 'run')}" time="0"><error type="${error.code}" message="${xml(error.message)}"/></testcase>`,
    )
  const failures = record.gates.filter(({ passed }) => !passed).length
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuite name="${xml(record.runId)}" tests="${cases.length}" failures="${failures}" errors="${isOtherError ? 1 : 0}">\n${cases.join('\n')}\n</testsuite>\n`
}

/** What a run made and where to look, in lines. */
export function summaryLines(record: RunRecord, link: string): string[] {
  const lines = record.gates.length > 0 ? ['', ...gateTable(record).split('\n')] : []
  lines.push('', verdict(record))
  const { rollout } = record
  if (rollout !== null) {
    const { candidate } = rollout.requests
    lines.push(
      `  rollout ${rollout.id}: ${rollout.outcome} after ${seconds(rollout.seconds)}, ${candidate} requests to the candidate, ${rollout.harmed.toFixed(1)} harmed`,
    )
  }
  if (record.error?.next) lines.push(`  next: ${record.error.next}`)
  lines.push(`  run   ${record.runId}  plan ${shortDigest(record.plan.digest)}`, `  look  ${link}`)
  return lines
}
