import { readFile } from 'node:fs/promises'
import type { Features } from '../lib/code/run-features.ts'
import type { Column, Numbers } from '../lib/formats/columns.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { ModelVersion } from '../lib/formats/route.ts'
import type { FeatureCounts } from '../lib/formats/telemetry.ts'
import type { Engine } from '../lib/models/compiled-model.ts'
import { isMadeFloat64 } from '../lib/models/graph-inputs.ts'
import { type LocalModel, loadModel, type ModelFacts } from '../lib/models/model.ts'
import type { Profile } from '../lib/stats/profile.ts'
import { addFeatureCounts, profileCounter } from '../lib/stats/profile-counter.ts'
import { Packed } from './bodies/packed.ts'
import type { Explained } from './explain.ts'
import { explainerThread } from './explainer-thread.ts'
import { startScorerThread } from './scorer-host.ts'
import {
  decisionsOf,
  failureOf,
  type InputColumns,
  type InputKind,
  type Scored,
  type ScoringFailure,
} from './scoring.ts'

/** Scores one batch. @throws ScoringFailure */
export type Score = (kind: InputKind, columns: InputColumns | Packed<InputColumns>) => Promise<Scored>

/**
 * One loaded version, in two places. Handing a small batch to another thread costs more than scoring it, so the small
 * batches of a champion are scored on the thread that answers (by a profile; the two were not measured against each
 * other). Whatever must not hold that thread up is offloaded to one of its own: large batches, candidates, whose code
 * is not yet trusted to end, mirrored requests, and feature code that is slow by nature.
 */
export interface Scorer {
  readonly modelVersion: ModelVersion
  readonly facts: ModelFacts
  readonly baseline: Profile
  readonly engine: Engine
  /** On this thread; undefined where the feature code takes danfojs along. */
  readonly inline: Score | undefined
  /** In a thread of its own, which is begun anew when it hangs. */
  readonly offloaded: Score
  /** What counts a batch that was scored here, without scoring it; nothing where `inline` is undefined. */
  countInline(kind: InputKind, columns: InputColumns, scored: Scored): () => void
  /** Why rows get the answers they get; in one more thread, begun when it is first asked for. @throws ScoringFailure */
  explain(kind: InputKind, columns: InputColumns | Packed<InputColumns>): Promise<Explained>
  /** Counts of features and scores since the last time. */
  takeProfile(): Promise<Record<string, FeatureCounts>>
  close(): Promise<void>
}

/**
 * Loads and warms a version.
 * @param note hears of every failure of its code or model
 * @throws SlipwayError DIGEST_MISMATCH when it cannot be loaded
 */
export async function loadScorer(
  modelVersion: ModelVersion,
  local: LocalModel,
  note: (failure: ScoringFailure) => void = () => {},
): Promise<Scorer> {
  const baseline = JSON.parse(await readFile(local.baselineFile, 'utf8')) as Profile
  const thread = await startScorerThread(modelVersion, local, note)
  const { featureCode, decision } = local.facts
  const isHeavy = [featureCode, decision].some((code) => code?.host['danfojs-node'] !== undefined)
  const inline = isHeavy ? undefined : await loadInline(modelVersion, local, baseline, note)
  const explainer = explainerThread(() => startScorerThread(modelVersion, local, note))
  await warm((columns) => thread.score('features', columns, false), local.facts)
  if (inline !== undefined) await warm(inline.warm, local.facts)
  return {
    modelVersion,
    facts: local.facts,
    baseline,
    engine: thread.engine,
    inline: inline?.score,
    countInline: (kind, columns, scored) => inline?.count(kind, columns, scored) ?? (() => {}),
    offloaded: (kind, columns) => thread.score(kind, columns, true),
    explain: explainer.explain,
    async takeProfile() {
      const offloaded = await thread.takeProfile()
      if (inline === undefined) return offloaded
      const own = inline.takeProfile()
      return Object.fromEntries(
        Object.entries(own).map(([name, counts]) => [
          name,
          offloaded[name] === undefined ? counts : addFeatureCounts(counts, offloaded[name]),
        ]),
      )
    },
    async close() {
      await Promise.all([thread.close(), explainer.close()])
      await inline?.release()
    },
  }
}

async function loadInline(
  modelVersion: ModelVersion,
  local: LocalModel,
  baseline: Profile,
  note: (failure: ScoringFailure) => void,
) {
  const model = await loadModel(local).catch((error) => {
    throw new SlipwayError(
      'DIGEST_MISMATCH',
      `version ${modelVersion.version} of ${modelVersion.model} cannot be loaded: ${error.message}`,
    )
  })
  const counter = profileCounter(baseline, local.facts)
  const featuresOf = (kind: InputKind, columns: InputColumns): Features =>
    kind === 'rows' ? model.makeFeatures(columns as Record<string, Column>) : (columns as Features)
  return {
    takeProfile: counter.take,
    release: model.release,
    warm: (columns: InputColumns) => model.scoreFeatures(columns as Features),
    count(kind: InputKind, columns: InputColumns, { predictions, decisions }: Scored): () => void {
      const features = featuresOf(kind, columns)
      return () => counter.add(features, predictions, decisions)
    },
    async score(kind: InputKind, given: InputColumns | Packed<InputColumns>): Promise<Scored> {
      try {
        const columns = given instanceof Packed ? given.unpacked() : given
        const features = featuresOf(kind, columns)
        const predictions = await model.scoreFeatures(features)
        const decisions = decisionsOf(model, kind, columns, predictions)
        counter.add(features, predictions, decisions)
        return { predictions, decisions }
      } catch (error) {
        const failure = failureOf(error)
        note(failure)
        throw failure
      }
    },
  }
}

/** Compiles what compiles at first use: batches of one and of many. Warming up is not traffic. */
async function warm(score: (columns: InputColumns) => Promise<unknown>, facts: ModelFacts): Promise<void> {
  for (const rows of [1, 64, 1, 64, 1, 64]) {
    const columns = Object.fromEntries(facts.features.map((feature) => [feature.name, noValues(feature, rows)]))
    // What is made up here may be nothing that a finished model knows what to do with.
    await score(columns).catch((error) => {
      if (facts.learner.kind !== 'onnx') throw error
    })
  }
}

function noValues(feature: ModelFacts['features'][number], rows: number): Numbers | (string | null)[] {
  if (feature.kind === 'category') return new Array<string | null>(rows).fill(null)
  return isMadeFloat64(feature) ? new Float64Array(rows) : new Float32Array(rows)
}
