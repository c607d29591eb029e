import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RunDocument } from '../../client/run-document.ts'
import { columnPosition, gatePositions } from '../../lib/code/definition-places.ts'
import type { PlannedPipeline } from '../../lib/code/plan.ts'
import { describeCheck } from '../../lib/formats/check.ts'
import type { Finding, FoundPlace } from './finding.ts'

/** A definition as it was planned, and the folder that its places begin at. */
export interface Definition {
  readonly root: string
  readonly planned: Pick<PlannedPipeline, 'plan' | 'sources' | 'places'>
}

/**
 * What is wrong with a run, each with the line of the definition that asked for it.
 * @param definition what was run; undefined where that is not here
 */
export function findingsOf(run: RunDocument, definition?: Definition): Finding[] {
  const { error, failures = [] } = run
  const gates = run.gates
    .filter(({ passed }) => !passed)
    .map(({ name, evidence }) => ({
      code: 'GATE_FAILED',
      message: `${name}: ${evidence}`,
      at: definition === undefined ? null : placeOfGate(definition, name),
    }))
  const isSaid = error === undefined || (error.code === 'GATE_FAILED' && gates.length > 0)
  const first = isSaid ? [] : [{ code: error.code, message: error.message, at: placeOfError(error, definition) }]
  const others = failures
    .filter(({ step, code }) => step !== error?.step && code !== 'GATE_FAILED')
    .map(({ step, code, message }) => ({ code, message, at: placeOfError({ step, message }, definition) }))
  return [...gates, ...first, ...others]
}

/** The gate in the list of its `p.gate`, or that call. */
function placeOfGate({ root, planned: { plan, places } }: Definition, name: string): FoundPlace | null {
  for (const step of plan.steps) {
    const index = step.kind === 'gate' ? step.must.findIndex((check) => describeCheck(check) === name) : -1
    const call = index < 0 ? undefined : places?.get(step.id)
    if (call === undefined) continue
    const position = gatePositions(textOf(root, call.file), call)[index]
    return { file: call.file, ...(position ?? { line: call.line, column: call.column }) }
  }
  return null
}

/** Where the user's code went wrong; of data the column in its schema; else the step. */
function placeOfError(
  {
    step,
    message,
    file,
    line,
    column,
  }: Pick<NonNullable<RunDocument['error']>, 'step' | 'message' | 'file' | 'line' | 'column'>,
  definition: Definition | undefined,
): FoundPlace | null {
  if (file !== undefined && line !== undefined) return { file, line, column: column ?? 1 }
  if (definition === undefined) return null
  const { root, planned } = definition
  const [, named] = /\bcolumn "([^"]+)"/.exec(message) ?? []
  for (const source of named === undefined ? [] : planned.sources) {
    const position = columnPosition(textOf(root, source), named as string)
    if (position !== undefined) return { file: source, ...position }
  }
  const at = step === null ? undefined : planned.places?.get(step)
  return at === undefined ? null : { file: at.file, line: at.line, column: at.column }
}

/** A file of the project; one that is gone has no lines. */
function textOf(root: string, file: string): string {
  try {
    return readFileSync(join(root, file), 'utf8')
  } catch {
    return ''
  }
}
