import { classesIn } from '../../../lib/formats/answers.ts'
import { decisionAt } from '../../../lib/formats/decisions.ts'
import { SlipwayError } from '../../../lib/formats/errors.ts'
import { invalid } from '../../../lib/models/rows.ts'
import { asksExplanations } from '../../explain.ts'
import { chooseMediaType, parseMediaType } from '../../media.ts'
import { isObject, parseJson } from '../json.ts'
import { openInference } from '../open-inference/open-inference.ts'
import { tensorModel } from '../open-inference/tensor-model.ts'
import { sentTensors } from '../open-inference/tensors.ts'
import type { Asked, Incoming, Prediction, Written } from '../protocol.ts'
import { readMatrix, readRecords, readRowsOrColumns } from '../rows-or-columns.ts'
import { answersJson, explanationsField, isOneNumber, labelsOf, numbersJson } from '../write.ts'
import { readCsv } from './csv.ts'
import { jsonLinesTypes, parseJsonLines } from './json-lines.ts'

/*
 * `/invocations`: what SageMaker asks of a container, and MLflow of a scoring server (mlflow.org, Deploy Model Locally,
 * "input formats"): JSON with `dataframe_split`, `dataframe_records`, `inputs` or `instances`, or rows alone; one JSON
 * value a line; and CSV.
 */

/** Media types that answers come in. */
export const invocationAnswers: readonly string[] = ['application/json', 'text/csv', ...jsonLinesTypes]

/** Tensors with binary data behind the JSON. */
const tritonType = 'application/vnd.sagemaker-triton.binary+json'
const lengthHeader = 'inference-header-content-length'

const formats = ['dataframe_split', 'dataframe_records', 'inputs', 'instances'] as const

const isJsonLines = (type: string): boolean => (jsonLinesTypes as readonly string[]).includes(type)

/**
 * Reads by the content type; clients that do not say what they send are common, and send JSON. Answers are lines for
 * lines, and JSON for everything else, unless the client accepts something else.
 * @param headersOf headers of an answer
 * @throws SlipwayError MEDIA_UNSUPPORTED, NOT_ACCEPTABLE, REQUEST_INVALID
 */
export function readInvocation(
  request: Incoming,
  headersOf?: (prediction: Prediction) => Record<string, string>,
): Asked {
  const { body } = request
  const contentType = request.header('content-type') ?? ''
  const { type, parameters } = parseMediaType(contentType)
  const offers = isJsonLines(type) ? [type, ...invocationAnswers] : invocationAnswers
  const answerType = chooseMediaType(request.header('accept'), offers)
  const write = (prediction: Prediction): Written => ({
    contentType: answerType,
    body: bodyOf(prediction, answerType),
    headers: headersOf?.(prediction),
  })
  if (isJsonLines(type)) {
    const lines = parseJsonLines(body)
    return { read: (version) => readRowsOrColumns(lines, version, 'lines'), write }
  }
  switch (type) {
    case 'text/csv':
    case 'text/tab-separated-values':
      return { read: readCsv(body, type === 'text/csv' ? ',' : '\t', parameters.header), write }
    // What curl says of its own.
    case 'application/x-www-form-urlencoded':
    case 'application/json':
    case '': {
      const json = parseJson(body)
      const explain = isObject(json) && asksExplanations(json.params, 'params.explain')
      if (explain && answerType !== 'application/json') throw invalid(`explanations come as JSON, not ${answerType}`)
      return { explain, read: readJson(json), write, ...(answerType === 'application/json' && tensorsIn(json)) }
    }
    case tritonType:
      return readTriton(request, parameters['json-header-size'])
    default:
      throw new SlipwayError(
        'MEDIA_UNSUPPORTED',
        `content type ${contentType.slice(0, 100)}; known are application/json, application/jsonlines, text/csv and text/tab-separated-values`,
      )
  }
}

/** Models of tensors are asked as by the Open Inference Protocol: a container has no other path on some platforms. */
function tensorsIn(json: unknown): Pick<Asked, 'tensors'> {
  if (!isObject(json) || !Array.isArray(json.inputs)) return {}
  const { inputs, outputs, id } = json
  const [first] = inputs
  if (!isObject(first) || !Object.hasOwn(first, 'datatype')) return {}
  const named = Array.isArray(outputs) ? outputs : []
  return { tensors: tensorModel(sentTensors(inputs, Buffer.alloc(0)), named, { id, isBinary: false }) }
}

/**
 * The same with binary data, as Triton takes it on SageMaker, which passes few headers on: where the JSON ends is said
 * in the media type.
 */
function readTriton(request: Incoming, size: string | undefined): Asked {
  const { body, arrivedAt } = request
  const asked = openInference.read({
    body,
    arrivedAt,
    header: (name) => (name === lengthHeader ? size : request.header(name)),
  })
  const relabelled = ({ headers, ...written }: Written): Written => {
    const { [lengthHeader]: length, ...others } = headers ?? {}
    if (length === undefined) return { headers: others, ...written }
    return { ...written, headers: others, contentType: `${tritonType};json-header-size=${length}` }
  }
  const { tensors } = asked
  return {
    ...asked,
    write: (prediction, id) => relabelled(asked.write(prediction, id)),
    ...(tensors && { tensors: { ...tensors, write: (prediction, id) => relabelled(tensors.write(prediction, id)) } }),
  }
}

function bodyOf(prediction: Prediction, type: string): string {
  const { predictions, version, explained } = prediction
  if (!isOneNumber(version)) {
    if (type === 'application/json')
      return `{"predictions":[${answersJson(prediction).join(',')}]${explanationsField(explained)}}`
    if (type === 'text/csv') return answersCsv(prediction)
    return answersJson(prediction)
      .map((answer) => `${answer}\n`)
      .join('')
  }
  return type === 'application/json'
    ? `{"predictions":${numbersJson(predictions)}${explanationsField(explained)}}`
    : Array.from(predictions, (value) => `${value}\n`).join('')
}

/**
 * A line a row: of several classes the likeliest, and the probability of each; else its numbers; and what a function
 * answers.
 */
function answersCsv(prediction: Prediction): string {
  const { predictions, decisions, version } = prediction
  const width = version.facts.outputs?.length ?? 1
  const labels = classesIn(version.facts) === undefined ? [] : labelsOf(prediction)
  return Array.from({ length: predictions.length / width }, (_, row) => {
    const label = labels[row]
    const cells = [
      ...(label === undefined ? [] : [csvCell(label)]),
      predictions.subarray(row * width, (row + 1) * width).join(','),
      ...(decisions === undefined ? [] : [csvCell(String(decisionAt(decisions, row)))]),
    ]
    return `${cells.join(',')}\n`
  }).join('')
}

const csvCell = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

function readJson(request: unknown): Asked['read'] {
  if (Array.isArray(request)) return (version) => readRowsOrColumns(request, version, 'rows')
  const [format, another] = isObject(request) ? formats.filter((name) => Object.hasOwn(request, name)) : []
  if (!isObject(request) || format === undefined)
    throw invalid(`expected an array of rows, or an object with one of ${formats.join(', ')}`)
  if (another !== undefined) throw invalid(`has ${format} and ${another}: send one of them`)
  const value = request[format]
  if (format === 'dataframe_split') {
    if (!isObject(value) || !Array.isArray(value.columns) || !value.columns.every((name) => typeof name === 'string'))
      throw invalid('expected { columns: [names], data: [[values]] }', format)
    const { columns, data } = value
    return (version) => readMatrix(columns as string[], data, version, `${format}.data`)
  }
  if (format === 'dataframe_records') return (version) => readRecords(value, version, format)
  if (format === 'inputs' && isRow(value)) return (version) => readRecords([value], version, format)
  return (version) => readRowsOrColumns(value, version, format)
}

/** MLflow takes an object of single values for one row, where columns would be arrays. */
const isRow = (value: unknown): boolean =>
  isObject(value) &&
  Object.keys(value).length > 0 &&
  Object.values(value).every((each) => typeof each !== 'object' || each === null)
