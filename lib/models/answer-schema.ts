import { numbersIn } from '../formats/answers.ts'
import { decisionOutput } from '../formats/decisions.ts'
import type { ModelFacts } from './model.ts'

type Answered = Pick<ModelFacts, 'task' | 'outputs' | 'decision'>

/** A number that is compared with others of the same request only. */
export const rankingScore = {
  type: 'number',
  description: 'A score that orders the rows of one request, the best has the largest',
}

const jsonTypes = { number: 'number', boolean: 'boolean', text: 'string' } as const

/** The JSON schema of what a model answers a row. */
export function answerSchema(facts: Answered): object {
  const { decision } = facts
  const properties = {
    ...scoresSchema(facts),
    ...(decision !== undefined && { [decisionOutput]: { type: jsonTypes[decision.kind] } }),
  }
  return { type: 'object', properties, required: Object.keys(properties) }
}

/** What is predicted, in words: the columns of several targets, of quantiles which. */
export function targetInWords({ task, target, outputs }: Pick<ModelFacts, 'task' | 'target' | 'outputs'>): string {
  const numbers = numbersIn({ task, outputs })
  if (numbers === undefined) return target
  return task === 'quantiles' ? `${target}, its quantiles ${numbers.join(', ')}` : numbers.join(', ')
}

function scoresSchema({ task, outputs }: Answered): object {
  const probability = { type: 'number', minimum: 0, maximum: 1 }
  const numbers = numbersIn({ task, outputs })
  if (numbers !== undefined) return Object.fromEntries(numbers.map((name) => [name, { type: 'number' }]))
  if (outputs !== undefined)
    return {
      label: { type: 'string', enum: outputs },
      probabilities: { type: 'array', items: probability, minItems: outputs.length, maxItems: outputs.length },
    }
  if (task === 'ranking') return { score: rankingScore }
  return task === 'binary' ? { probability } : { prediction: { type: 'number' } }
}
