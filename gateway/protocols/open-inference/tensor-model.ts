import {
  type DatatypeName,
  itemsOf,
  sizeOf,
  type TensorData,
  type TensorSpec,
  type TensorValue,
} from '../../../lib/formats/tensors.ts'
import { invalid } from '../../../lib/models/rows.ts'
import { checkTensors, readShape } from '../../../lib/models/tensors/check-shapes.ts'
import { isText, tensorFromJson } from '../../../lib/models/tensors/elements.ts'
import type { AskedTensors } from '../protocol.ts'
import { decoderOf } from './datatypes.ts'
import type { SentTensor } from './tensors.ts'
import { outputsWanted, writeTensors } from './write-tensors.ts'

/** What is said of the answer. */
interface Wanted {
  readonly id: unknown
  /** Whether outputs come as binary data unless they say otherwise. */
  readonly isBinary: boolean
}

/** A request as one to a model of tensors alone. @param outputs that the request names; none for all */
export function tensorModel(sent: readonly SentTensor[], outputs: readonly unknown[], wanted: Wanted): AskedTensors {
  return {
    read(facts) {
      // What is asked for that there is not is refused before anything is answered.
      outputsWanted(facts, outputs, wanted.isBinary)
      const said = sent.map((tensor) => ({ ...tensor, shape: readShape(tensor.shape, tensor.path) }))
      const { taken, ignored } = checkTensors(facts, said)
      const tensors = Object.fromEntries(taken.map(([spec, tensor]) => [spec.name, tensorOf(spec, tensor)]))
      return { kind: 'tensors', tensors, rows: itemsOf(facts, tensors), ignored }
    },
    write(prediction, id) {
      const named = outputsWanted(prediction.facts, outputs, wanted.isBinary)
      return writeTensors(prediction, typeof wanted.id === 'string' ? wanted.id : id, named)
    },
  }
}

type Given = Omit<SentTensor, 'shape'> & { readonly shape: readonly number[] }

const tensorOf = (spec: TensorSpec, { shape, data, bytes, path }: Given): TensorValue =>
  bytes === undefined
    ? tensorFromJson(spec, shape, data, path)
    : { shape, data: fromBinary(spec.datatype, bytes, sizeOf(shape), path) }

/** Elements of binary data in the array that ONNX Runtime takes them in; FP16 stays its bits. */
function fromBinary(datatype: DatatypeName, bytes: Buffer, size: number, path: string): TensorData {
  if (datatype === 'FP16') return decoderOf('UINT16')(bytes, size, path) as Uint16Array
  if (datatype === 'BOOL')
    return (decoderOf('UINT8')(bytes, size, path) as Uint8Array).map((byte) => (byte === 0 ? 0 : 1))
  const values = decoderOf(datatype)(bytes, size, path)
  if (datatype !== 'BYTES') return values as TensorData
  const texts = values as string[]
  const wrong = texts.findIndex((text) => !isText(text))
  if (wrong < 0) return texts
  throw invalid('texts with U+0000 are not taken', `${path}.data[${wrong}]`)
}
