import { shortDigest } from '../formats/artifact.ts'
import type { GateResult } from '../formats/records.ts'
import type { TrainingReport } from '../formats/training-report.ts'
import type { ModelFacts } from '../models/model.ts'

/** What the card of a model package is made of. */
export interface SageMakerCardOrder {
  readonly facts: ModelFacts
  readonly training: TrainingReport
  readonly digest: string
  readonly run: string
  /** Metrics of the test part. */
  readonly metrics: Readonly<Record<string, number>>
  readonly gates: readonly GateResult[]
  /** Address of the archive. */
  readonly archive: string
  /** Who made it, as far as that is on record. */
  readonly creator: string | undefined
}

/** Lengths and counts that the schema allows. */
const most = { name: 255, group: 63, text: 1024, words: 2048, custom: 1024, metrics: 50, parameters: 100 } as const

/**
 * The card of a model package by SageMaker's "Model package model card schema" (Developer Guide, version 0.1.0): made
 * of facts alone, as `card.md` is, with what the version was judged by besides.
 */
export function sageMakerCard(order: SageMakerCardOrder): object {
  const { facts, training, digest, run, metrics, gates, archive, creator } = order
  return {
    model_overview: {
      ...(creator !== undefined && { model_creator: creator.slice(0, most.text) }),
      model_artifact: [archive.slice(0, most.text)],
    },
    intended_uses: {
      purpose_of_model: `Predicts ${facts.target} (${facts.task}) from ${facts.inputs.length} columns.`,
      risk_rating: 'Unknown',
    },
    training_details: {
      training_observations: `${training.rows.train} training and ${training.rows.validation} validation rows of snapshot ${shortDigest(facts.snapshot)}; seed ${facts.seed}`,
      training_job_details: {
        training_datasets: [facts.snapshot],
        training_metrics: numbersOf(training.validationMetrics).slice(0, most.metrics),
        hyper_parameters: Object.entries(facts.learner)
          .slice(0, most.parameters)
          .map(([name, value]) => ({ name: name.slice(0, most.name), value: inWords(value).slice(0, most.name) })),
      },
    },
    evaluation_details: [
      {
        name: 'test part',
        evaluation_observation: observationOf(gates),
        metadata: Object.fromEntries(
          gates.map(({ name, passed, evidence }) => [
            name,
            `${passed ? 'passed' : 'failed'}: ${evidence}`.slice(0, most.text),
          ]),
        ),
        metric_groups: [
          {
            name: 'metrics',
            metric_data: numbersOf(metrics).map((metric) => ({ ...metric, type: 'number' })),
          },
        ],
      },
    ],
    additional_information: {
      caveats_and_recommendations:
        'Compare its inputs with baseline.json of the package before you trust it on other data.',
      custom_details: {
        'slipway digest': digest,
        'slipway run': run.slice(0, most.custom),
        'feature code': facts.featureCode.digest,
        snapshot: facts.snapshot,
      },
    },
  }
}

/** JSON has neither NaN nor infinities. */
const numbersOf = (metrics: Readonly<Record<string, number>>): { name: string; value: number }[] =>
  Object.entries(metrics).flatMap(([name, value]) =>
    Number.isFinite(value) ? [{ name: name.slice(0, most.name), value }] : [],
  )

/** A value of a parameter; the schema takes no empty ones. */
const inWords = (value: unknown): string => {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  return text === '' ? '""' : text
}

function observationOf(gates: readonly GateResult[]): string {
  if (gates.length === 0) return 'judged by no gate'
  const failed = gates.filter(({ passed }) => !passed).length
  return failed === 0 ? `passed all of ${gates.length} gates` : `failed ${failed} of ${gates.length} gates`
}
