import { type Features, isNumbers } from '../lib/code/run-features.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import { type Explanations, explainedRows } from '../lib/formats/explain.ts'
import type { ModelFacts } from '../lib/models/model.ts'
import { invalid } from '../lib/models/rows.ts'
import type { InferResult } from './ask-version.ts'
import { ScoringFailure } from './scoring.ts'

/** Explanations, and the features they are of. */
export interface Explained {
  readonly explanations: Explanations
  readonly features: Features
  /** What the scores are called, where a row has several. */
  readonly outputs?: readonly string[] | undefined
}

/** @throws SlipwayError REQUEST_INVALID where a request wants more rows explained than it may */
export function requireFewRows({ explain }: ModelFacts, rows: number): void {
  const most = explain === undefined ? rows : explainedRows[explain.method]
  if (rows > most)
    throw invalid(`${rows} rows are to be explained; a request may have ${most} explained by ${explain?.method}`)
}

/**
 * Explains what a version answered, in a thread of its own: predictions never wait for it.
 * @param deadline `performance.now()` until when it is wanted
 * @throws SlipwayError EXPLAIN_UNAVAILABLE, OVERLOADED, DEADLINE_EXCEEDED, PREDICTION_FAILED
 */
export async function explainAnswer({ version, input, answeredBy }: InferResult, deadline: number): Promise<Explained> {
  if (version.kind !== 'rows' || version.facts.explain === undefined || input === undefined)
    throw new SlipwayError(
      'EXPLAIN_UNAVAILABLE',
      `version ${answeredBy.version} of ${answeredBy.model} keeps nothing to explain its predictions with: package it with p.package(…, { explain: true })`,
    )
  const { facts, scorer } = version
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new SlipwayError('DEADLINE_EXCEEDED', 'there is a prediction, and no explanation within the time given'),
        ),
      Math.max(0, deadline - performance.now()),
    )
  })
  try {
    const explained = await Promise.race([scorer.explain(input.kind, input.columns), late])
    return { ...explained, outputs: facts.outputs }
  } catch (error) {
    if (!(error instanceof ScoringFailure)) throw error
    throw new SlipwayError('PREDICTION_FAILED', `version ${answeredBy.version} gives no explanation: ${error.message}`)
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Explanations as every protocol writes them: for each row the base, the score, and the parts that lead from one to the
 * other, largest first.
 */
export function explanationsJson({ explanations, features, outputs: names }: Explained): object {
  const { method, of, columns, rows, outputs, base, scores, parts, errors } = explanations
  const valueIn = (column: string, row: number): { value?: string | number | null } => {
    const values = Object.hasOwn(features, column) ? features[column] : undefined
    if (values === undefined) return {}
    const value = values[row] as string | number | null
    return { value: isNumbers(values) && Number.isNaN(value) ? null : value }
  }
  const answerOf = (row: number, output: number): object => {
    const from = (row * outputs + output) * columns.length
    return {
      ...(names !== undefined && { output: names[output] }),
      base: base[output],
      score: scores[row * outputs + output],
      parts: columns
        .map((feature, i) => ({
          feature,
          ...valueIn(feature, row),
          part: parts[from + i] as number,
          ...(errors !== undefined && { error: errors[from + i] }),
        }))
        .sort((a, b) => Math.abs(b.part) - Math.abs(a.part)),
    }
  }
  return {
    method,
    of,
    rows: Array.from({ length: rows }, (__, row) =>
      outputs === 1 ? answerOf(row, 0) : { outputs: Array.from(base, (_, output) => answerOf(row, output)) },
    ),
  }
}

/**
 * Whether a request wants its answers explained.
 * @param parameters what holds `explain`, if anything does
 * @throws SlipwayError REQUEST_INVALID
 */
export function asksExplanations(parameters: unknown, path: string): boolean {
  if (typeof parameters !== 'object' || parameters === null || !Object.hasOwn(parameters, 'explain')) return false
  const { explain } = parameters as { explain?: unknown }
  if (typeof explain !== 'boolean') throw invalid('expected true or false', path)
  return explain
}
