import type { RunDocument } from '../client/run-document.ts'
import { shortDigest } from '../lib/formats/artifact.ts'
import { firstOf } from '../lib/formats/brief.ts'
import { metricsInWords } from '../lib/formats/check.ts'
import type { RunRecord } from '../lib/formats/records.ts'
import { colors } from './colors.ts'
import { seconds, table } from './output.ts'

/** Gates as a table for people. */
export function gateTable(record: RunDocument): string {
  return table(
    ['gate', 'outcome', 'evidence'],
    record.gates.map(({ name, passed, evidence }) => [name, passed ? 'passed' : 'FAILED', evidence]),
  )
}

/** The verdict on a run in one sentence. */
export function verdict(record: RunDocument): string {
  const { model } = record
  if (record.status === 'succeeded' && model !== null) {
    const measured = Object.keys(record.metrics).length === 0 ? '' : ` (${metricsInWords(record.metrics, 1)})`
    return colors.green(
      `${model.name} version ${model.version}${model.champion ? ' is champion' : ' is registered'}${measured}, model digest ${model.digest}`,
    )
  }
  if (record.status === 'succeeded') {
    const { branches = [] } = record
    return colors.green(branches.length === 0 ? 'all steps done' : `all steps done, ${branches.length} branches`)
  }
  return colors.red(`${record.status}: ${record.error?.message ?? ''}`)
}

/** A text as XML 1.0 has it, in attributes too; what it cannot hold becomes a question mark. */
function xml(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '?')
    .replaceAll(/[&<>"\t\n\r]/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** A run as a JUnit report: one case a step, one a gate. (Format as read by Jenkins and GitLab.) */
export function junit(record: RunRecord): string {
  const { pipeline, gates, error } = record
  const cases = record.steps.map(({ name, seconds: took }) => testCase(pipeline, 'steps', name, took))
  for (const { name, passed, evidence } of gates)
    cases.push(testCase(pipeline, 'gates', name, 0, passed ? '' : `<failure message="${xml(evidence)}"/>`))
  const isOtherError = error !== null && error.code !== 'GATE_FAILED'
  if (isOtherError) cases.push(errorCase(pipeline, error.step ?? 'run', error.code, error.message))
  return suite(record.runId, cases, gates.filter(({ passed }) => !passed).length, isOtherError ? 1 : 0)
}

/** The report of a run whose end is not known: it did not begin, or was not waited for. */
export function junitOfError(pipeline: string, code: string, message: string): string {
  return suite(pipeline, [errorCase(pipeline, 'run', code, message)], 0, 1)
}

function testCase(pipeline: string, group: string, name: string, took: number, content = ''): string {
  const open = `  <testcase classname="${xml(pipeline)}.${group}" name="${xml(name)}" time="${took === 0 ? 0 : took.toFixed(3)}"`
  return content === '' ? `${open}/>` : `${open}>${content}</testcase>`
}

const errorCase = (pipeline: string, name: string, code: string, message: string): string =>
  testCase(pipeline, 'steps', name, 0, `<error type="${xml(code)}" message="${xml(message)}"/>`)

function suite(name: string, cases: readonly string[], failures: number, errors: number): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuite name="${xml(name)}" tests="${cases.length}" failures="${failures}" errors="${errors}">\n${cases.join('\n')}\n</testsuite>\n`
}

/** Branches that did not end well are shown, up to this many. */
const shownBranches = 20

/** How the branches of a run ended, and what never began. */
function branchLines({ branches = [], notBegun = [] }: RunDocument): string[] {
  const bad = branches.filter(({ status }) => status !== 'succeeded')
  const lines = bad
    .slice(0, shownBranches)
    .map(({ name, status, failure }) => `  ${name}: ${status}${failure === null ? '' : `: ${failure.message}`}`)
  if (bad.length > shownBranches) lines.push(`  and ${bad.length - shownBranches} branches more: --json has all`)
  if (branches.length > 0) lines.push(`  ${branches.length - bad.length} of ${branches.length} branches ended well`)
  const lost = notBegun.map(({ name, because }) => (because === null ? name : `${name} (needs ${because})`))
  if (lost.length > 0) lines.push(`  never begun: ${firstOf(lost)}`)
  return lines
}

/**
 * What a run made and where to look, in lines.
 * @param value that its error is about: it is in no record
 */
export function summaryLines(record: RunDocument, link: string, value?: string): string[] {
  const lines = record.gates.length > 0 ? ['', ...gateTable(record).split('\n')] : []
  lines.push('', verdict(record))
  const { rollout } = record
  if (rollout !== undefined) {
    const { candidate } = rollout.requests
    lines.push(
      `  rollout ${rollout.id}: ${rollout.outcome} after ${seconds(rollout.seconds)}, ${candidate} requests to the candidate, ${rollout.harmed.toFixed(1)} harmed`,
    )
  }
  lines.push(...branchLines(record))
  if (value !== undefined) lines.push(`  value: ${value}`)
  if (record.error?.next) lines.push(`  next: ${record.error.next}`)
  if (record.from !== undefined) lines.push(`  from  ${record.from}`)
  lines.push(`  run   ${record.runId}  plan ${shortDigest(record.plan.digest)}`, `  look  ${link}`)
  // Of several models each is opened by its name.
  if (record.steps.filter(({ kind }) => kind === 'package').length === 1)
    lines.push(`  open  npx slipway open ${record.runId}`)
  return lines
}
