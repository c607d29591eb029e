import { numbersIn } from '../formats/answers.ts'
import type { ModelFacts } from './model.ts'

/** A number that is compared with others of the same request only. */
export const rankingScore = {
  type: 'number',
  description: 'A score that orders the rows of one request, the best has the largest',
}

/** The JSON schema of what a model answers a row. */
export function answerSchema({ task, outputs }: Pick<ModelFacts, 'task' | 'outputs'>): object {
  const probability = { type: 'number', minimum: 0, maximum: 1 }
  const numbers = numbersIn({ task, outputs })
  if (numbers !== undefined) return objectOf(Object.fromEntries(numbers.map((name) => [name, { type: 'number' }])))
  const properties =
    outputs !== undefined
      ? {
          label: { type: 'string', enum: outputs },
          probabilities: { type: 'array', items: probability, minItems: outputs.length, maxItems: outputs.length },
        }
      : task === 'binary'
        ? { probability }
        : task === 'ranking'
          ? { score: rankingScore }
          : { prediction: { type: 'number' } }
  return objectOf(properties)
}

const objectOf = (properties: object): object => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
})

/** What is predicted, in words: the columns of several targets, of quantiles which. */
export function targetInWords({ task, target, outputs }: Pick<ModelFacts, 'task' | 'target' | 'outputs'>): string {
  const numbers = numbersIn({ task, outputs })
  if (numbers === undefined) return target
  return task === 'quantiles' ? `${target}, its quantiles ${numbers.join(', ')}` : numbers.join(', ')
}
