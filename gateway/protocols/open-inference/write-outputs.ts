import { classesIn } from '../../../lib/formats/answers.ts'
import { decisionOutput, kindOfDecisions } from '../../../lib/formats/decisions.ts'
import type { Prediction } from '../protocol.ts'
import { decisionsJson, labelsOf, numbersJson, outputName, outputType, rowsOf } from '../write.ts'

/** A tensor of an answer, to be written as JSON or as bytes. */
export interface OutputTensor {
  readonly name: string
  readonly datatype: string
  readonly shape: readonly number[]
  json(): string
  bytes(): Buffer
}

/**
 * The tensors of an answer: its numbers; before them, of several classes, which one is the likeliest; and behind them
 * what a function answers.
 */
export function outputTensors(prediction: Prediction): readonly OutputTensor[] {
  const { predictions, version } = prediction
  const { outputs } = version.facts
  const rows = rowsOf(prediction)
  const numbers: OutputTensor = {
    name: outputName(version),
    datatype: outputType(version),
    shape: outputs === undefined ? [rows] : [rows, outputs.length],
    // Of tensors with more axes than one the data may be flat, row by row.
    json: () => numbersJson(predictions),
    bytes: () => Buffer.from(predictions.buffer, predictions.byteOffset, predictions.byteLength),
  }
  const decided = decisionTensor(prediction)
  if (classesIn(version.facts) === undefined) return [numbers, ...decided]
  const labels: OutputTensor = {
    name: 'label',
    datatype: 'BYTES',
    shape: [rows],
    json: () => JSON.stringify(labelsOf(prediction)),
    bytes: () => Buffer.concat(labelsOf(prediction).flatMap(lengthAndText)),
  }
  return [labels, numbers, ...decided]
}

/** Data types of what a function answers, as the Open Inference Protocol names them. */
export const decisionTypes = { number: 'FP64', boolean: 'BOOL', text: 'BYTES' } as const

function decisionTensor({ decisions, ...prediction }: Prediction): OutputTensor[] {
  if (decisions === undefined) return []
  return [
    {
      name: decisionOutput,
      datatype: decisionTypes[kindOfDecisions(decisions)],
      shape: [decisions.length],
      json: () => `[${decisionsJson({ ...prediction, decisions }).join(',')}]`,
      bytes: () =>
        ArrayBuffer.isView(decisions)
          ? Buffer.from(decisions.buffer as ArrayBuffer, decisions.byteOffset, decisions.byteLength)
          : Buffer.concat(decisions.flatMap(lengthAndText)),
    },
  ]
}

/** A tensor's JSON without its data: not closed yet. */
export const headOf = ({ name, datatype, shape }: Pick<OutputTensor, 'name' | 'datatype' | 'shape'>): string =>
  `{"name":"${name}","datatype":"${datatype}","shape":[${shape.join(',')}]`

/** An element of BYTES: four bytes of length, little-endian, and UTF-8. */
function lengthAndText(text: string): [Buffer, Buffer] {
  const bytes = Buffer.from(text)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(bytes.length)
  return [length, bytes]
}
