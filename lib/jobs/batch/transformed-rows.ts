import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { answerNames, classesIn, widthOf } from '../../formats/answers.ts'
import { type Column, type Numbers, rowCount } from '../../formats/columns.ts'
import { SlipwayError } from '../../formats/errors.ts'
import type { RowSchema } from '../../formats/row-schema.ts'
import { type LoadedModel, type ModelFacts, newAnswers } from '../../models/model.ts'
import type { TableModel } from '../score-table.ts'

/**
 * Rows that are scored elsewhere travel as JSON lines, and so do their answers. SageMaker is told to keep the number of
 * a row beside its answer (`DataProcessing`): no order is trusted, and every row is there once or the batch ends.
 */
export const fieldNames = { row: 'slipwayRow', input: 'input', answer: 'SageMakerOutput' } as const

/**
 * Rows as lines: `{"slipwayRow":7,"input":{"origin":"ORD",…}}`. Values are such that the contract reads them back as
 * the bits they were.
 * @param at the number of the first row among the good ones, from 0
 */
export function linesOf(columns: Readonly<Record<string, Column>>, schema: RowSchema, at: number): string {
  const cells = schema.map(({ name, type }) => ({
    key: JSON.stringify(name),
    column: columns[name] as Column,
    write: writers[type],
  }))
  let lines = ''
  for (let row = 0; row < rowCount(columns); row++) {
    const values = cells.map(({ key, column, write }) => `${key}:${cellOf(column[row], write)}`)
    lines += `{"${fieldNames.row}":${at + row},"${fieldNames.input}":{${values.join(',')}}}\n`
  }
  return lines
}

type Write = (value: never) => string

const cellOf = (value: number | string | null | undefined, write: Write): string =>
  value === null || value === undefined || Number.isNaN(value) ? 'null' : write(value as never)

/** A double's shortest decimal is the double again; JSON has a negative zero, and `String` has not. */
const numberText = (value: number): string => (Object.is(value, -0) ? '-0' : String(value))

const writers: Readonly<Record<RowSchema[number]['type'], Write>> = {
  number: numberText,
  integer: numberText,
  boolean: (value: number) => (value === 1 ? 'true' : 'false'),
  string: (value: string) => JSON.stringify(value),
  bigint: (value: string) => JSON.stringify(value),
  timestamp: (value: number) => JSON.stringify(new Date(value).toISOString()),
}

type AnswerFacts = Pick<ModelFacts, 'answers' | 'outputs' | 'task' | 'decision'>

/**
 * Reads the answers to rows, in whatever order they come.
 * @param file null for none
 * @param rows how many there must be, each once
 * @returns [rows · width]
 * @throws SlipwayError SAGEMAKER_OUTPUT naming the line
 */
export async function readAnswers(file: string | null, facts: AnswerFacts, rows: number): Promise<Numbers> {
  const answers = newAnswers(facts, rows)
  const width = widthOf(facts)
  const seen = new Uint8Array(rows)
  let line = 0
  let found = 0
  const lines =
    file === null ? [] : createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })
  for await (const text of lines) {
    line++
    if (text === '') continue
    const value = objectOf(text, line)
    const row = value[fieldNames.row]
    if (typeof row !== 'number' || !Number.isInteger(row) || row < 0 || row >= rows)
      throw broken(line, `it names no row of the ${rows} there are`, `it names row ${JSON.stringify(row)}`)
    if (seen[row] === 1) throw broken(line, `row ${row} is answered twice`)
    seen[row] = 1
    found++
    answers.set(numbersOf(value[fieldNames.answer], facts, width, line), row * width)
  }
  if (found !== rows) throw broken(line, `${rows - found} of ${rows} rows have no answer, row ${seen.indexOf(0)} first`)
  return answers
}

function objectOf(text: string, line: number): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch {
    // Said below.
  }
  throw broken(line, 'it is no JSON object')
}

/** The numbers of an answer, as our own container writes them for JSON lines. */
function numbersOf(answer: unknown, facts: AnswerFacts, width: number, line: number): number[] {
  const values = valuesIn(answer, facts)
  if (values.length === width && values.every((value) => typeof value === 'number')) return values as number[]
  const given = JSON.stringify(answer) ?? 'nothing'
  const expected = `expected ${expectedOf(facts, width)}`
  throw broken(line, `the answer is another one, ${expected}`, `the answer is ${given.slice(0, 80)}, ${expected}`)
}

function valuesIn(answer: unknown, facts: AnswerFacts): readonly unknown[] {
  const { outputs, task, decision } = facts
  if (outputs === undefined && decision === undefined) return [answer]
  const fields = (answer ?? {}) as Record<string, unknown>
  if (outputs === undefined) return [fields[answerNames[task]]]
  if (classesIn(facts) === undefined) return outputs.map((name) => fields[name])
  return Array.isArray(fields.probabilities) ? fields.probabilities : []
}

function expectedOf({ outputs, decision, task }: AnswerFacts, width: number): string {
  if (outputs === undefined) return decision === undefined ? 'a number' : `{"${answerNames[task]}": a number, …}`
  return classesIn({ outputs, task }) === undefined
    ? `{${outputs.map((name) => `"${name}": a number`).join(', ')}}`
    : `{"probabilities": ${width} numbers, …}`
}

const broken = (line: number, why: string, inFull = why): SlipwayError =>
  new SlipwayError('SAGEMAKER_OUTPUT', `line ${line} of what SageMaker answered cannot be used: ${why}`, {
    inFull: `line ${line} of what SageMaker answered cannot be used: ${inFull}`,
    next: 'see that the image is the one that slipway package --oci wrote; the same command scores these rows again',
  })

/** A model whose predictions are there already: features and decisions are made as ever, for what they count. */
export function answering(model: LoadedModel, answers: Numbers): TableModel {
  const width = widthOf(model.facts)
  let at = 0
  return {
    facts: model.facts,
    makeFeatures: (columns, firstRow) => model.makeFeatures(columns, firstRow),
    scoreFeatures: async (features) => {
      const from = at
      at += rowCount(features)
      return answers.subarray(from * width, at * width)
    },
    ...(model.decide !== undefined && { decide: model.decide }),
  }
}
