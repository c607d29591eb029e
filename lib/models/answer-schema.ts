import type { ModelFacts } from './model.ts'

/** The JSON schema of what a model answers a row. */
export function answerSchema({ task, outputs }: Pick<ModelFacts, 'task' | 'outputs'>): object {
  const probability = { type: 'number', minimum: 0, maximum: 1 }
  const properties =
    outputs !== undefined
      ? {
          label: { type: 'string', enum: outputs },
          probabilities: { type: 'array', items: probability, minItems: outputs.length, maxItems: outputs.length },
        }
      : task === 'binary'
        ? { probability }
        : { prediction: { type: 'number' } }
  return { type: 'object', properties, required: Object.keys(properties) }
}
