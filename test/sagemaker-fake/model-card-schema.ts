import { z } from 'zod'

/*
 * What SageMaker takes for the card of a model package: its "Model package model card schema" (Developer Guide, "View
 * the Details of a Model Version"), version 0.1.0, in zod.
 */

const text = (most: number) => z.string().max(most)
const named = z.string().min(1).max(63)
const longNamed = z.string().min(1).max(255)
const places = z.array(text(1024)).max(15)

const metricOf = <Type extends z.ZodType, Value extends z.ZodType>(type: Type, value: Value) =>
  z.strictObject({
    name: longNamed,
    notes: text(1024).optional(),
    type,
    value,
    x_axis_name: z.union([text(63), z.array(text(63))]).optional(),
    y_axis_name: z.union([text(63), z.array(text(63))]).optional(),
  })
const metric = z.union([
  metricOf(z.enum(['number', 'string', 'boolean']), z.union([z.number(), text(63), z.boolean()])),
  metricOf(z.literal('linear_graph'), z.array(z.array(z.number()).length(2)).min(1)),
  metricOf(z.literal('bar_chart'), z.array(z.number()).min(1)),
  metricOf(z.literal('matrix'), z.array(z.array(z.number()).min(1).max(20)).min(1).max(20)),
])
const trainingMetric = z.strictObject({ name: longNamed, notes: text(1024).optional(), value: z.number() })
const parameter = z.strictObject({ name: longNamed, value: longNamed })

const training = z.strictObject({
  objective_function: z
    .strictObject({
      function: z.strictObject({
        function: z.enum(['Maximize', 'Minimize']).optional(),
        facet: text(63).optional(),
        condition: text(63).optional(),
      }),
      notes: text(1024).optional(),
    })
    .optional(),
  training_observations: text(1024).optional(),
  training_job_details: z
    .strictObject({
      training_arn: text(1024).optional(),
      training_datasets: places.optional(),
      training_environment: z.strictObject({ container_image: places.optional() }).optional(),
      training_metrics: z.array(trainingMetric).max(50).optional(),
      user_provided_training_metrics: z.array(trainingMetric).max(50).optional(),
      hyper_parameters: z.array(parameter).max(100).optional(),
      user_provided_hyper_parameters: z.array(parameter).max(100).optional(),
    })
    .optional(),
})

const evaluation = z.strictObject({
  name: named,
  evaluation_observation: text(2096).optional(),
  evaluation_job_arn: text(256).optional(),
  datasets: z.array(text(1024)).max(10).optional(),
  metadata: z.record(z.string(), text(1024)).optional(),
  metric_groups: z.array(z.object({ name: named, metric_data: z.array(metric) })).optional(),
})

export const ModelPackageCard = z.strictObject({
  model_overview: z
    .strictObject({ model_creator: text(1024).optional(), model_artifact: places.optional() })
    .optional(),
  intended_uses: z
    .strictObject({
      purpose_of_model: text(2048).optional(),
      intended_uses: text(2048).optional(),
      factors_affecting_model_efficiency: text(2048).optional(),
      risk_rating: z.enum(['High', 'Medium', 'Low', 'Unknown']).optional(),
      explanations_for_risk_rating: text(2048).optional(),
    })
    .optional(),
  business_details: z
    .strictObject({
      business_problem: text(2048).optional(),
      business_stakeholders: text(2048).optional(),
      line_of_business: text(2048).optional(),
    })
    .optional(),
  training_details: training.optional(),
  evaluation_details: z.array(evaluation).optional(),
  additional_information: z
    .strictObject({
      ethical_considerations: text(2048).optional(),
      caveats_and_recommendations: text(2048).optional(),
      custom_details: z.record(z.string(), text(1024)).optional(),
    })
    .optional(),
})
