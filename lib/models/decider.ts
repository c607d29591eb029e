import { loadFunction } from '../code/load.ts'
import { runAnswer } from '../code/run-answer.ts'
import type { Column, Numbers } from '../formats/columns.ts'
import type { Decisions } from '../formats/decisions.ts'
import type { ModelFacts } from './model.ts'

/** Makes answers of predictions [rows · width] and the rows they are of. @throws SlipwayError ANSWER_INVALID */
export type Decide = (predictions: Numbers, columns: Readonly<Record<string, Column>>, firstRow?: number) => Decisions

/** A fresh instance of the function that answers. */
export function decider({ decision, task, outputs }: ModelFacts, code: string | undefined): Decide | undefined {
  if (decision === undefined || code === undefined) return undefined
  const answerer = { userFunction: loadFunction(code, decision.digest), name: decision.name, task, outputs }
  return (predictions, columns, firstRow) => runAnswer(answerer, predictions, columns, decision.kind, firstRow)
}
