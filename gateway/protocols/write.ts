import { answerNames, classesIn, columnOf, likeliest, numbersIn } from '../../lib/formats/answers.ts'
import type { Numbers } from '../../lib/formats/columns.ts'
import { decisionAt, decisionOutput } from '../../lib/formats/decisions.ts'
import { type Explained, explanationsJson } from '../explain.ts'
import type { Outgoing, Prediction, ServedVersion } from './protocol.ts'

type Facts = Pick<ServedVersion, 'facts'>

/** Data type of the output tensor of numbers, as the Open Inference Protocol names it. */
export const outputType = ({ facts }: Facts): 'FP32' | 'FP64' => (facts.answers === 'float64' ? 'FP64' : 'FP32')

/** Name of the output tensor or column of numbers. */
export function outputName({ facts }: Facts): string {
  if (classesIn(facts) !== undefined) return 'probabilities'
  return answerNames[facts.task]
}

/** Names of all output tensors: of several classes the likeliest one too, and what a function answers. */
export const outputNames = (version: Facts): readonly string[] => [
  ...(classesIn(version.facts) === undefined ? [] : ['label']),
  outputName(version),
  ...(version.facts.decision === undefined ? [] : [decisionOutput]),
]

/** Whether a row is answered with one number, which needs no name. */
export const isOneNumber = ({ facts }: Facts): boolean => facts.outputs === undefined && facts.decision === undefined

/** How many rows were predicted. */
export const rowsOf = ({ predictions, version }: Prediction): number =>
  predictions.length / (version.facts.outputs?.length ?? 1)

/** The likeliest class of each row, of several. */
export function labelsOf({ predictions, version }: Prediction): readonly string[] {
  const { outputs = [] } = version.facts
  return Array.from(
    { length: predictions.length / outputs.length },
    (_, row) => outputs[likeliest(predictions, row, outputs.length)] as string,
  )
}

/** What a function answers, a value of JSON each row. */
export const decisionsJson = ({ decisions }: Prediction): readonly string[] =>
  decisions === undefined
    ? []
    : Array.from({ length: decisions.length }, (_, row) => JSON.stringify(decisionAt(decisions, row)))

/** Predictions row by row: numbers, of several answers each row's in brackets. */
export function rowsJson(prediction: Prediction): string {
  const { predictions, version } = prediction
  const { outputs } = version.facts
  if (outputs === undefined) return numbersJson(predictions)
  const width = outputs.length
  const rows = Array.from({ length: rowsOf(prediction) }, (_, row) =>
    numbersJson(predictions.subarray(row * width, (row + 1) * width)),
  )
  return `[${rows.join(',')}]`
}

/**
 * Predictions as values, one a row: a number, several by name, or which class it is and how likely each is; where a
 * function answers, an object with its answer.
 */
export function answersJson(prediction: Prediction): readonly string[] {
  const { predictions, version } = prediction
  const { outputs } = version.facts
  const decided = decisionsJson(prediction)
  if (outputs === undefined && prediction.decisions === undefined) return Array.from(predictions, String)
  const more = (row: number): string => (decided[row] === undefined ? '' : `,"${decisionOutput}":${decided[row]}`)
  if (outputs === undefined)
    return Array.from(predictions, (value, row) => `{"${outputName(version)}":${value}${more(row)}}`)
  const width = outputs.length
  if (numbersIn(version.facts) !== undefined) {
    const keys = outputs.map((name) => `${JSON.stringify(name)}:`)
    return Array.from(
      { length: rowsOf(prediction) },
      (_, row) => `{${keys.map((key, i) => `${key}${predictions[row * width + i]}`).join(',')}${more(row)}}`,
    )
  }
  return labelsOf(prediction).map(
    (label, row) =>
      `{"label":${JSON.stringify(label)},"probabilities":${numbersJson(predictions.subarray(row * width, (row + 1) * width))}${more(row)}}`,
  )
}

/** Columns of several numbers, by name, a field of JSON each. */
export function numberColumnsJson({ predictions, version }: Prediction): readonly string[] {
  const { outputs = [] } = version.facts
  return outputs.map((name, i) => `${JSON.stringify(name)}:${numbersJson(columnOf(predictions, i, outputs.length))}`)
}

/**
 * Predictions as a JSON array, written by hand: a float32 has a short exact decimal of its own, but readers expect the
 * double it stands for, so that is written.
 */
export function numbersJson(values: Numbers): string {
  if (values.length === 1) return `[${values[0]}]`
  let text = '['
  for (let i = 0; i < values.length; i++) text += i === 0 ? values[i] : `,${values[i]}`
  return `${text}]`
}

/** The last field of an answer that is explained, with the comma in front of it. */
export const explanationsField = (explained: Explained | undefined): string =>
  explained === undefined ? '' : `,"explanations":${JSON.stringify(explanationsJson(explained))}`

export const jsonAnswer = (status: number, value: unknown): Outgoing => ({
  status,
  headers: ['content-type', 'application/json'],
  body: JSON.stringify(value),
})
