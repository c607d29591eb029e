import type { Numbers } from '../../lib/formats/columns.ts'
import type { Outgoing, ServedVersion } from './protocol.ts'

/** Data type of the one output tensor, as the Open Inference Protocol names it. */
export const outputType = ({ facts }: ServedVersion): 'FP32' | 'FP64' => (facts.answers === 'float64' ? 'FP64' : 'FP32')

/** Name of the one output tensor or column. */
export const outputName = ({ facts }: Pick<ServedVersion, 'facts'>): string =>
  facts.task === 'binary' ? 'probability' : 'prediction'

/**
 * Predictions as a JSON array, written by hand: a float32 has a short exact decimal of its own, but readers expect the
 * double it stands for, so that is written.
 */
export function numbersJson(values: Numbers): string {
  if (values.length === 1) return `[${values[0]}]`
  let text = '['
  for (let i = 0; i < values.length; i++) text += i === 0 ? values[i] : `,${values[i]}`
  return `${text}]`
}

export const jsonAnswer = (status: number, value: unknown): Outgoing => ({
  status,
  headers: ['content-type', 'application/json'],
  body: JSON.stringify(value),
})
