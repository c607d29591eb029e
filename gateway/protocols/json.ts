import { invalid } from '../../lib/models/rows.ts'
import { requireBounds, smallBody } from '../bodies/json-bounds.ts'
import { jsonFault, textOf } from '../text.ts'

/** Whether a value is a JSON object. */
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * JSON as clients write it: numpy and pandas write `NaN` for missing values, which JSON does not know; it is read as
 * null.
 * @throws SlipwayError REQUEST_INVALID saying where it ends being JSON; MEDIA_UNSUPPORTED for UTF-16;
 * REQUEST_TOO_LARGE for a large one that holds too much
 */
export function parseJson(body: Buffer | string): unknown {
  if (typeof body !== 'string' && body.length > smallBody) requireBounds(body)
  const text = typeof body === 'string' ? body : textOf(body)
  if (text.trim() === '') throw invalid('the body is empty; JSON was expected')
  try {
    return JSON.parse(text)
  } catch (error) {
    if (/\bNaN\b/.test(text)) {
      const repaired = text.replaceAll(/"(?:[^"\\]|\\.)*"|\bNaN\b/g, (token) => (token === 'NaN' ? 'null' : token))
      try {
        return JSON.parse(repaired)
      } catch {
        // The first error says more.
      }
    }
    throw invalid(`the body is no JSON: ${jsonFault(error)}`)
  }
}
