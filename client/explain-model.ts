import { isNumbers } from '../lib/code/run-features.ts'
import { type Attribution, Evaluation } from '../lib/formats/evaluation.ts'
import type { ExplainFacts, Explanations } from '../lib/formats/explain.ts'
import type { ModelVersion } from '../lib/formats/route.ts'
import { explainRows, unexplained } from '../lib/jobs/explain-rows.ts'
import { localModel } from '../lib/models/package.ts'
import { getJson } from '../lib/store/objects.ts'
import { readVersion } from '../lib/store/registry.ts'
import { trustedKeysOf } from '../workers/settings.ts'
import type { StoreContext } from './context.ts'
import { requireVersion } from './model-version.ts'
import { tableAt } from './table-at.ts'

/** What the scores of a version rest on. */
export interface ModelExplanation extends ModelVersion, ExplainFacts {
  /** Over its test rows; null where no gate has evaluated it. */
  readonly attribution: Attribution | null
}

/** Why the rows of a file get the scores they get. */
export interface RowsExplanation extends ModelVersion, ExplainFacts {
  /** One a row and output. */
  readonly rows: readonly ExplainedRow[]
}

/** Why a row gets its score: parts that add up to it, less the base. */
export interface ExplainedRow {
  /** From 1. */
  readonly row: number
  /** Which score, from 0, where a row has several. */
  readonly output?: number
  /** The score when nothing is known of a row. */
  readonly base: number
  readonly score: number
  /** The largest first. */
  readonly parts: readonly {
    readonly feature: string
    /** Null where it is missing; undefined of what is no feature by itself, as a cross. */
    readonly value: string | number | null | undefined
    readonly part: number
    /** Its standard error, where it is an estimate. */
    readonly error?: number
  }[]
}

/**
 * What the scores of a version rest on, as `slipway explain <model> --json` prints it.
 * @param what `flights`, `flights@3`, `flights@champion`, `flights@candidate`
 * @throws SlipwayError NOT_FOUND; EXPLAIN_UNAVAILABLE where its package keeps nothing to explain by
 */
export async function explainModel({ store, settings }: StoreContext, what: string): Promise<ModelExplanation> {
  const version = await requireVersion(store, what)
  const { facts } = await localModel({ store, trusted: trustedKeysOf(settings) }, version.digest)
  if (facts.explain === undefined) throw unexplained(version.model)
  const evaluation = (await readVersion(store, version.model, version.digest))?.evaluation
  const { attribution = null } = evaluation == null ? {} : await getJson(store, evaluation.digest, Evaluation)
  return { ...version, ...facts.explain, attribution }
}

/**
 * Why the rows of a file get the scores they get, as `slipway explain <model> --row <file> --json` prints it.
 * @param file of rows as the model takes them
 * @throws SlipwayError NOT_FOUND; EXPLAIN_UNAVAILABLE; USAGE for more rows than are explained at once
 */
export async function explainRowsOf(
  { store, settings }: StoreContext,
  what: string,
  file: string,
): Promise<RowsExplanation> {
  const version = await requireVersion(store, what)
  const local = await localModel({ store, trusted: trustedKeysOf(settings) }, version.digest)
  const { explanations, features } = await explainRows(local, tableAt(file), file)
  const { method, of } = explanations
  return { ...version, method, of, rows: explainedRows(explanations, features) }
}

type Features = Parameters<typeof isNumbers>[0]

function explainedRows(
  { columns, rows, outputs, base, scores, parts, errors }: Explanations,
  features: Readonly<Record<string, Features>>,
): ExplainedRow[] {
  return Array.from({ length: rows * outputs }, (_, i) => ({
    row: Math.floor(i / outputs) + 1,
    ...(outputs > 1 && { output: i % outputs }),
    base: base[i % outputs] as number,
    score: scores[i] as number,
    parts: columns
      .map((feature, column) => ({
        feature,
        value: valueIn(features[feature], Math.floor(i / outputs)),
        part: parts[i * columns.length + column] as number,
        ...(errors !== undefined && { error: errors[i * columns.length + column] as number }),
      }))
      .sort((a, b) => Math.abs(b.part) - Math.abs(a.part)),
  }))
}

function valueIn(values: Features | undefined, row: number): string | number | null | undefined {
  const value = values?.[row]
  return values !== undefined && isNumbers(values) && Number.isNaN(value) ? null : value
}
