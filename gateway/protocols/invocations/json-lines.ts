import { invalid } from '../../../lib/models/rows.ts'
import { requireBounds, requireFewCells, smallBody } from '../../bodies/json-bounds.ts'
import { textOf } from '../../text.ts'
import { parseJson } from '../json.ts'

/** The names this format goes by; SageMaker's Batch Transform says the first. */
export const jsonLinesTypes = [
  'application/jsonlines',
  'application/x-jsonlines',
  'application/jsonl',
  'application/x-ndjson',
] as const

/**
 * One JSON value a line. Line ends at the end of the text are no lines; a line without a value is refused, for the
 * answer has a line for each.
 * @throws SlipwayError REQUEST_INVALID naming the line; REQUEST_TOO_LARGE for many that hold too much
 */
export function parseJsonLines(body: Buffer): unknown[] {
  if (body.length > smallBody) {
    requireBounds(body)
    requireFewCells(body, '\n')
  }
  const text = textOf(body).trimEnd()
  if (text === '') return []
  return text.split('\n').map((line, i) => {
    try {
      return parseJson(line)
    } catch (error) {
      throw invalid((error as Error).message.replace('the body is', 'the line is'), `lines[${i}]`)
    }
  })
}
