import { answerNames, classesIn, likeliest } from '../../formats/answers.ts'
import type { Numbers } from '../../formats/columns.ts'
import { type Decisions, decisionAt } from '../../formats/decisions.ts'
import type { EdgeFacts } from '../manifest.ts'
import type { EdgeAnswer } from './slipway-edge.d.ts'

/** What a model says of rows [rows · width], and what a function makes of that [rows], where one does. */
export interface Scored {
  readonly predictions: Numbers
  readonly decisions: Decisions | undefined
}

/** Predictions as answers, one a row, under the names that gateways give them. */
export function answersOf(
  facts: Pick<EdgeFacts, 'task' | 'outputs'>,
  { predictions, decisions }: Scored,
): EdgeAnswer[] {
  const answers = predictionsOf(facts, predictions)
  if (decisions === undefined) return answers
  return answers.map((answer, row) => ({ ...answer, answer: decisionAt(decisions, row) }))
}

function predictionsOf(facts: Pick<EdgeFacts, 'task' | 'outputs'>, predictions: Numbers): EdgeAnswer[] {
  const { task, outputs } = facts
  if (outputs === undefined) {
    const name = answerNames[task]
    return Array.from(predictions, (value): EdgeAnswer => ({ [name]: value }))
  }
  const width = outputs.length
  const classes = classesIn(facts)
  return Array.from({ length: predictions.length / width }, (_, row): EdgeAnswer => {
    const values = Array.from(predictions.subarray(row * width, (row + 1) * width))
    return classes === undefined
      ? { predictions: Object.fromEntries(outputs.map((name, i) => [name, values[i] as number])) }
      : { label: classes[likeliest(predictions, row, width)] as string, probabilities: values }
  })
}
