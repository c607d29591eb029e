import { invalid } from '../../../../lib/models/rows.ts'
import { utf8Of } from '../../../text.ts'
import type { Asked, Prediction, Protocol, ServedVersion } from '../../protocol.ts'
import { readRecords } from '../../rows-or-columns.ts'
import { rowsOf } from '../../write.ts'
import { classes, classesOf, type Method, numbers, requireAnswerable } from '../methods.ts'
import {
  answeredSpec,
  type Example,
  type ExamplesRequest,
  encode,
  type Feature,
  messageOf,
  requireSignature,
  type Wide,
} from './messages.ts'

/*
 * PredictionService.Classify and Regress: rows as tf.Example, and what they have in common in a context
 * (tensorflow_serving/apis/input.proto). Scores are floats there, whatever the model answers.
 */

export const tfClassifyGrpc = exampleProtocol(classes, 'Classification', (prediction) => ({
  classifications: Array.from({ length: rowsOf(prediction) }, (_, row) => ({
    classes: classesOf(prediction, row).map(([label, score]) => ({ label, score })),
  })),
}))

export const tfRegressGrpc = exampleProtocol(numbers, 'Regression', ({ predictions }) => ({
  regressions: Array.from(predictions, (value) => ({ value })),
}))

function exampleProtocol(method: Method, message: string, result: (prediction: Prediction) => object): Protocol {
  return {
    name: `tf-serving-grpc-${method.name}`,
    routes: [],
    read: (incoming) => {
      const request = messageOf<ExamplesRequest>(incoming, `${message}Request`)
      return {
        read: rowsIn(request, method),
        write: (prediction) => ({
          contentType: 'application/grpc',
          body: encode(`${message}Response`, {
            result: result(prediction),
            model_spec: answeredSpec(request, prediction.answeredBy.version),
          }),
        }),
      }
    },
    error: ({ status, message: words }) => ({ status, headers: [], body: words }),
    openApi: () => ({}),
  }
}

/** @throws SlipwayError REQUEST_INVALID */
function rowsIn(request: ExamplesRequest, method: Method): Asked['read'] {
  requireSignature(request)
  const { example_list: alone, example_list_with_context: together } = request.input ?? {}
  const given = together ?? alone
  if (given == null) throw invalid('expected an example_list, or an example_list_with_context', 'input')
  const context = together?.context == null ? {} : valuesOf(together.context, 'input.context')
  const rows = given.examples.map((example, i) => ({ ...context, ...valuesOf(example, `input.examples[${i}]`) }))
  return (version) => {
    requireAnswerable(method, version)
    return readRecords(asTyped(rows, version), version, 'input.examples')
  }
}

type Row = Record<string, unknown>

/** A feature is a list of values: one is the value, and none is none. */
const valuesOf = ({ features }: Example, path: string): Row =>
  Object.fromEntries(
    Object.entries(features?.feature ?? {}).map(([name, feature]) => {
      const values = listOf(feature, `${path}.${name}`)
      return [name, values.length > 1 ? values : (values[0] ?? null)]
    }),
  )

function listOf({ bytes_list: texts, float_list: floats, int64_list: integers }: Feature, path: string): unknown[] {
  if (floats != null) return [...floats.value]
  if (integers != null) return integers.value.map(wholeOf)
  return (texts?.value ?? []).map((bytes) => {
    const text = utf8Of(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
    if (text === undefined) throw invalid('is no UTF-8 text', path)
    return text
  })
}

/** A number, where it is exact. */
function wholeOf(value: Wide): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : BigInt(String(value))
}

/** Examples have no booleans: 0 and 1 stand for them. */
function asTyped(rows: readonly Row[], { reader }: ServedVersion): readonly Row[] {
  const booleans = reader.schema.filter(({ type }) => type === 'boolean').map(({ name }) => name)
  if (booleans.length === 0) return rows
  return rows.map((row) => {
    const typed = { ...row }
    for (const name of booleans) if (row[name] === 0 || row[name] === 1) typed[name] = row[name] === 1
    return typed
  })
}
