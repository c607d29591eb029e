import type { Numbers } from '../../lib/formats/columns.ts'
import { fieldsOf } from '../../lib/formats/csv.ts'
import { decisionOutput, newDecisions } from '../../lib/formats/decisions.ts'
import type { CapturedBody } from '../../lib/formats/sagemaker-capture.ts'
import type { ModelFacts } from '../../lib/models/model.ts'
import { invalid } from '../../lib/models/rows.ts'
import { parseMediaType } from '../media.ts'
import { jsonLinesTypes, parseJsonLines } from '../protocols/invocations/json-lines.ts'
import { isObject, parseJson } from '../protocols/json.ts'
import { outputName } from '../protocols/write.ts'
import type { Scored } from '../scoring.ts'
import { textOf } from '../text.ts'

/*
 * Answers to `/invocations` read back, in all forms that `readInvocation` writes them.
 */

/** One row's: its numbers, and what a function answered. */
interface Answer {
  readonly numbers: readonly unknown[]
  readonly decision: unknown
}

/**
 * What a version answered to some rows.
 * @throws SlipwayError REQUEST_INVALID for what is no such answer, MEDIA_UNSUPPORTED
 */
export function readAnswers({ type: contentType, body }: CapturedBody, facts: ModelFacts, rows: number): Scored {
  const { type } = parseMediaType(contentType)
  const answers = type === 'text/csv' ? csvAnswers(body, facts) : jsonAnswers(type, body, facts)
  if (answers.length !== rows) throw invalid(`${answers.length} answers to ${rows} rows`)
  const width = facts.outputs?.length ?? 1
  const predictions: Numbers = new (facts.answers === 'float64' ? Float64Array : Float32Array)(rows * width)
  const { decision: decides } = facts
  const decisions = decides && newDecisions(decides.kind, rows)
  for (const [row, { numbers, decision }] of answers.entries()) {
    if (numbers.length !== width) throw invalid(`expected ${width} numbers`, `[${row}]`)
    for (const [i, value] of numbers.entries()) {
      if (typeof value !== 'number') throw invalid(`expected a number, not ${JSON.stringify(value)}`, `[${row}]`)
      predictions[row * width + i] = value
    }
    if (decides === undefined || decisions === undefined) continue
    const isOfKind = typeof decision === (decides.kind === 'text' ? 'string' : decides.kind)
    if (!isOfKind) throw invalid(`expected ${decisionOutput}, a ${decides.kind}`, `[${row}]`)
    decisions[row] = decides.kind === 'boolean' ? Number(decision) : (decision as never)
  }
  return { predictions, decisions }
}

function jsonAnswers(type: string, body: Buffer, facts: ModelFacts): Answer[] {
  const isLines = (jsonLinesTypes as readonly string[]).includes(type)
  const json = isLines ? parseJsonLines(body) : parseJson(body)
  const list = isObject(json) ? json.predictions : json
  if (!Array.isArray(list)) throw invalid('expected { predictions: [one a row] }, or one a line')
  return list.map((each) => jsonAnswer(each, facts))
}

function jsonAnswer(value: unknown, facts: ModelFacts): Answer {
  if (!isObject(value)) return { numbers: Array.isArray(value) ? value : [value], decision: undefined }
  const { [decisionOutput]: decision } = value
  if (Array.isArray(value.probabilities)) return { numbers: value.probabilities, decision }
  const names = facts.outputs ?? [outputName({ facts })]
  return { numbers: names.map((name) => (Object.hasOwn(value, name) ? value[name] : undefined)), decision }
}

/** The likeliest class comes first, where answers are classes, and what a function answers last. */
function csvAnswers(body: Buffer, facts: ModelFacts): Answer[] {
  const from = facts.task === 'multiclass' ? 1 : 0
  const width = facts.outputs?.length ?? 1
  return textOf(body)
    .trimEnd()
    .split(/\r?\n/)
    .map((line) => {
      const cells = fieldsOf(line, ',')
      if (cells.length !== from + width + (facts.decision === undefined ? 0 : 1))
        throw invalid(`${cells.length} cells in a line of answers`)
      const numbers = cells.slice(from, from + width).map(numberOf)
      const last = cells.at(-1) as string
      if (facts.decision === undefined) return { numbers, decision: undefined }
      const { kind } = facts.decision
      return { numbers, decision: kind === 'text' ? last : kind === 'number' ? numberOf(last) : last === 'true' }
    })
}

const numberOf = (cell: string): number | undefined => {
  const value = Number(cell)
  return cell.trim() === '' || Number.isNaN(value) ? undefined : value
}
