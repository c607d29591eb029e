import type { Numbers } from '../../lib/formats/columns.ts'
import type { InferResult, Input } from '../inference.ts'
import type { LoadedVersion } from '../versions.ts'

/** A request as a protocol understood it: what to ask of whom, and how to write the answer. */
export interface Asked {
  /** Reads the rows by a version's schema. @throws SlipwayError REQUEST_INVALID */
  read(version: LoadedVersion): Input
  write(result: InferResult, requestId: string): Written
}

export interface Written {
  readonly contentType: string
  readonly body: string | Buffer
  readonly headers?: Readonly<Record<string, string>>
}

/** Data type of the one output tensor, as the Open Inference Protocol names it. */
export const outputType = (version: LoadedVersion): 'FP32' | 'FP64' =>
  version.scorer.facts.answers === 'float64' ? 'FP64' : 'FP32'

/** Name of the one output tensor or column. */
export const outputName = (version: LoadedVersion): string =>
  version.scorer.facts.task === 'binary' ? 'probability' : 'prediction'

/**
 * Predictions as a JSON array, written by hand: a float32 has a short exact decimal of its own, but readers expect the double it
 * stands for, so that is written.
 */
export function numbersJson(values: Numbers): string {
  if (values.length === 1) return `[${values[0]}]`
  let text = '['
  for (let i = 0; i < values.length; i++) text += i === 0 ? values[i] : `,${values[i]}`
  return `${text}]`
}
