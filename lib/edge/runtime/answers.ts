import { answerNames, classesIn, likeliest } from '../../formats/answers.ts'
import type { Numbers } from '../../formats/columns.ts'
import type { EdgeFacts } from '../manifest.ts'
import type { EdgeAnswer } from './slipway-edge.d.ts'

/** Predictions as answers, one a row, under the names that gateways give them. */
export function answersOf(facts: Pick<EdgeFacts, 'task' | 'outputs'>, predictions: Numbers): EdgeAnswer[] {
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
