import { readFile } from 'node:fs/promises'
import { loadFunction } from '../code/load.ts'
import type { LocalCode } from '../code/local-code.ts'
import { type Answerer, requireOwnRowAnswers, runAnswer } from '../code/run-answer.ts'
import { sliceColumns } from '../code/run-features.ts'
import type { LocalTable } from '../data/table.ts'
import { widthOf } from '../formats/answers.ts'
import type { Column } from '../formats/columns.ts'
import { type DecisionKind, type Decisions, kindOfDecisions, newDecisions, putDecisions } from '../formats/decisions.ts'
import { SlipwayError } from '../formats/errors.ts'
import type { LocalModel } from '../models/model.ts'
import { withModels } from '../models/with-models.ts'
import { profileOfDecisions } from '../stats/answer-profile.ts'
import type { Profile } from '../stats/profile.ts'
import { scoreTable } from './score-table.ts'
import type { Progress } from './step-work.ts'

export interface AnswersOrder {
  /** The model without a function that answers. */
  readonly model: LocalModel
  readonly table: LocalTable
  readonly answer: LocalCode
}

/** Rows on which it is seen whether answers depend on their own row alone. */
const rowsTried = 512

/**
 * Runs the function that answers over a table: its answers have to be of one kind, and to depend on their own row
 * alone.
 * @returns the kind, and what the answers looked like
 * @throws SlipwayError ANSWER_INVALID
 */
export async function proveAnswers(
  { model, table, answer }: AnswersOrder,
  onProgress: Progress,
): Promise<{ readonly kind: DecisionKind; readonly profile: Profile }> {
  const { task, outputs } = model.facts
  const userFunction = loadFunction(await readFile(answer.file, 'utf8'), answer.digest)
  const answerer: Answerer = { userFunction, name: answer.name, task, outputs }
  const width = widthOf(model.facts)
  let all: ReturnType<typeof newDecisions> | undefined
  await withModels([model], (loaded) =>
    scoreTable({ models: [loaded], table }, ({ columns, at, rows, scored: [{ predictions }] }) => {
      const seen: Record<string, Column> = {}
      for (const { name } of model.facts.inputs) seen[name] = columns[name] as Column
      if (all === undefined) {
        const few = Math.min(rows, rowsTried)
        requireOwnRowAnswers(answerer, predictions.subarray(0, few * width), sliceColumns(seen, 0, few))
      }
      const kind = all === undefined ? undefined : kindOfDecisions(all as Decisions)
      const made = runAnswer(answerer, predictions, seen, kind, at + 1)
      all ??= newDecisions(kindOfDecisions(made), table.rows)
      putDecisions(all, made, at)
      onProgress(`answered ${at + rows} of ${table.rows} rows`, (at + rows) / table.rows)
    }),
  )
  if (all === undefined)
    throw new SlipwayError('SPLIT_EMPTY', `there are no validation rows to see what ${answer.name} answers`)
  return { kind: kindOfDecisions(all), profile: profileOfDecisions(all) }
}
