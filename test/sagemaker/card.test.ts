import { describe, expect, it } from 'vitest'
import { sageMakerCard } from '../../lib/tracking/sagemaker-card.ts'
import { ModelPackageCard } from '../sagemaker-fake/model-card-schema.ts'

const digest = `sha256:${'1'.repeat(64)}` as const
const order = {
  facts: {
    name: 'flights',
    task: 'binary',
    target: 'delay',
    inputs: [{ name: 'origin', type: 'string', nullable: false }],
    features: [{ name: 'place', kind: 'category' }],
    featureCode: { name: 'features', digest, host: {} },
    learner: { kind: 'trees', trees: 160, classWeights: { '1': 2 }, note: '' },
    seed: 7,
    signature: 1,
    snapshot: digest,
  },
  training: { rows: { train: 100, validation: 20 }, validationMetrics: { auc: 0.7, logLoss: Number.NaN } },
  digest,
  run: 'flights-20261122-034512-k3x9',
  metrics: { auc: 0.71, 'auc:origin=ORD': 0.6, broken: Number.NaN },
  gates: [{ name: 'auc ≥ 0.65', passed: true, metric: 'auc', value: 0.71, limit: 0.65, evidence: '0.71' }],
  archive: 's3://slipway/sagemaker/models/1/model.tar.gz',
  creator: 'ann',
} as unknown as Parameters<typeof sageMakerCard>[0]

describe('the card of a model package', () => {
  it('keeps the schema that SageMaker publishes, and says what the version was judged by', () => {
    const card = sageMakerCard(order)
    expect(ModelPackageCard.safeParse(card).error).toBeUndefined()
    expect(card).toMatchObject({
      model_overview: { model_creator: 'ann' },
      training_details: { training_job_details: { training_metrics: [{ name: 'auc', value: 0.7 }] } },
      evaluation_details: [
        {
          evaluation_observation: 'passed all of 1 gates',
          metadata: { 'auc ≥ 0.65': 'passed: 0.71' },
          metric_groups: [
            {
              metric_data: [
                { name: 'auc', type: 'number', value: 0.71 },
                { name: 'auc:origin=ORD', type: 'number', value: 0.6 },
              ],
            },
          ],
        },
      ],
      additional_information: { custom_details: { 'slipway digest': digest, snapshot: digest } },
    })
  })

  it('stays within its lengths whatever it is told', () => {
    const long = 'x'.repeat(5_000)
    const gates = Array.from({ length: 80 }, (_, i) => ({ ...order.gates[0], name: `${i} ${long}`, evidence: long }))
    const facts = {
      ...order.facts,
      learner: { kind: 'trees', ...Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`p${i}${long}`, long])) },
    }
    const card = sageMakerCard({
      ...order,
      facts,
      gates,
      creator: long,
      archive: long,
      run: long,
    } as unknown as typeof order)
    expect(ModelPackageCard.safeParse(card).error).toBeUndefined()
  })
})
