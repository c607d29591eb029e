import { sizeOf } from '../../../../lib/formats/tensors.ts'
import { invalid } from '../../../../lib/models/rows.ts'
import { asksExplanations, explanationsJson } from '../../../explain.ts'
import { lookupParameters } from '../../../lookups/report.ts'
import type { Asked, Incoming, Prediction, Protocol, TensorPrediction, Written } from '../../protocol.ts'
import { datatypes } from '../datatypes.ts'
import { rowsReader } from '../read-input.ts'
import { tensorModel } from '../tensor-model.ts'
import type { SentTensor } from '../tensors.ts'
import { outputTensors } from '../write-outputs.ts'
import { bytesOf, outputsWanted } from '../write-tensors.ts'
import { contentsOf, hasContents, rawOf } from './contents.ts'
import {
  type InferParameter,
  type InferTensor,
  inferRequest,
  inferResponse,
  type ModelInferRequest,
  type Parameters,
} from './messages.ts'

/** A request for predictions that came as a message. */
export interface InferIncoming extends Incoming {
  /** Its body, read. */
  readonly message: ModelInferRequest
}

/**
 * The Open Inference Protocol over gRPC. It has no paths: model and version stand in the message, which its service
 * reads before this is asked. What it says of a request, and of rows, is what the protocol says over HTTP; raw contents
 * are answered by raw contents, typed ones by typed ones.
 */
export const openInferenceGrpc: Protocol = {
  name: 'open-inference-grpc',
  routes: [],
  read: (incoming) => readInfer('message' in incoming ? (incoming as InferIncoming).message : decode(incoming.body)),
  error: ({ status, message }) => ({ status, headers: [], body: message }),
  openApi: () => ({}),
}

/** @throws SlipwayError REQUEST_INVALID for bytes that are no request */
export function decode(body: Buffer): ModelInferRequest {
  try {
    return inferRequest.decode(body)
  } catch (error) {
    throw invalid(`the message is no inference.ModelInferRequest: ${(error as Error).message}`)
  }
}

/** A tensor of an answer. */
interface Answered {
  readonly name: string
  readonly datatype: string
  readonly shape: readonly number[]
  readonly bytes: Buffer
}

interface Answer extends Pick<Prediction, 'answeredBy'> {
  readonly id: string
  readonly tensors: readonly Answered[]
  readonly parameters: Parameters
  /** Whether elements are answered as raw contents; so they are too where a datatype has no typed ones. */
  readonly isRaw: boolean
}

const none: Parameters = {}

function readInfer(message: ModelInferRequest): Asked {
  const sent = sentTensors(message)
  const outputs = message.outputs.map(({ name, parameters }, i) => {
    requireOffered(parameters, `outputs[${i}]`)
    return { name }
  })
  const wanted = outputs.map(({ name }) => name)
  const { explain } = message.parameters
  const isRaw = message.raw_input_contents.length > 0
  const write = (answer: Omit<Answer, 'isRaw'>): Written =>
    writeAnswer({ ...answer, id: message.id === '' ? answer.id : message.id, isRaw })
  return {
    explain: explain === undefined ? false : asksExplanations({ explain: valueIn(explain) }, 'parameters.explain'),
    read: rowsReader(sent, wanted),
    write(prediction, id) {
      const tensors = outputTensors(prediction).filter(({ name }) => wanted.length === 0 || wanted.includes(name))
      return write({
        answeredBy: prediction.answeredBy,
        id,
        tensors: tensors.map(({ name, datatype, shape, bytes }) => ({ name, datatype, shape, bytes: bytes() })),
        parameters: parametersOf(prediction),
      })
    },
    tensors: {
      read: tensorModel(sent, outputs, { id: undefined, isBinary: true }).read,
      write: (prediction, id) =>
        write({
          answeredBy: prediction.answeredBy,
          id,
          tensors: tensorsOf(prediction, outputs),
          parameters: none,
        }),
    },
  }
}

const tensorsOf = (prediction: TensorPrediction, outputs: readonly unknown[]): Answered[] =>
  outputsWanted(prediction.facts, outputs, true).map(({ spec: { name, datatype } }) => {
    const value = prediction.outputs[name] as (typeof prediction.outputs)[string]
    return { name, datatype, shape: value.shape, bytes: bytesOf(value) }
  })

/** Inputs as tensors of bytes, whichever way their elements came. */
function sentTensors({ inputs, raw_input_contents: raw }: ModelInferRequest): SentTensor[] {
  if (raw.length > 0 && raw.length !== inputs.length)
    throw invalid(`${raw.length} entries for ${inputs.length} inputs`, 'raw_input_contents')
  const names = new Set<string>()
  return inputs.map(({ name, datatype, shape: wide, parameters = {}, contents }, i) => {
    const path = `inputs[${i}]`
    if (name === '') throw invalid('a tensor needs a name', path)
    if (names.has(name)) throw invalid(`a second tensor "${name}"`, path)
    names.add(name)
    if (!Object.hasOwn(datatypes, datatype))
      throw invalid(`datatype is "${datatype}"; known are ${Object.keys(datatypes).join(', ')}`, path)
    requireOffered(parameters, path)
    const shape = wide.map((axis) => (typeof axis === 'number' ? axis : axis.toNumber()))
    const bytes = raw[i]
    if (bytes === undefined) {
      const size = shape.every((axis) => axis >= 0) ? sizeOf(shape) : undefined
      return { name, datatype, shape, data: undefined, bytes: rawOf(contents, datatype, size, path), path }
    }
    if (contents != null && Object.values(contents).some((elements) => elements.length > 0))
      throw invalid('has contents, and there are raw_input_contents: send one of both', path)
    return { name, datatype, shape, data: undefined, bytes, path }
  })
}

/** What would change the answer and is not offered is refused, so that nobody takes the answer for what was asked. */
function requireOffered(parameters: Parameters, path: string): void {
  for (const name in parameters) {
    if (name.startsWith('shared_memory')) throw invalid('shared memory is not offered: send the elements', path)
    if (name === 'classification') throw invalid('classification is not offered: ask for the output itself', path)
  }
}

function valueIn(parameter: InferParameter): unknown {
  const [value] = Object.values(parameter)
  return value
}

function writeAnswer({ answeredBy, id, tensors, parameters, isRaw }: Answer): Written {
  const raw = isRaw || !tensors.every(({ datatype }) => hasContents(datatype))
  const body = inferResponse.encode({
    model_name: answeredBy.model,
    model_version: String(answeredBy.version),
    id,
    parameters,
    outputs: tensors.map(
      ({ name, datatype, shape, bytes }): InferTensor =>
        raw
          ? { name, datatype, shape }
          : { name, datatype, shape, contents: contentsOf(datatype, bytes, sizeOf(shape)) },
    ),
    raw_output_contents: raw ? tensors.map(({ bytes }) => bytes) : [],
  })
  return { contentType: 'application/grpc', body }
}

/** What came of looking columns up, and why the answers are what they are, as JSON, where it was asked for. */
function parametersOf({ lookups, explained }: Prediction): Parameters {
  if (lookups === undefined && explained === undefined) return none
  const parameters: Record<string, InferParameter> = {}
  for (const [name, value] of Object.entries(lookups === undefined ? {} : lookupParameters(lookups)))
    parameters[name] = typeof value === 'boolean' ? { bool_param: value } : { string_param: value }
  if (explained !== undefined) parameters.explanations = { string_param: JSON.stringify(explanationsJson(explained)) }
  return parameters
}
