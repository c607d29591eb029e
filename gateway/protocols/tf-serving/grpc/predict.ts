import { rowsReader } from '../../open-inference/read-input.ts'
import { tensorModel } from '../../open-inference/tensor-model.ts'
import { outputTensors } from '../../open-inference/write-outputs.ts'
import { bytesOf, outputsWanted } from '../../open-inference/write-tensors.ts'
import type { Asked, Prediction, Protocol, Written } from '../../protocol.ts'
import { answeredSpec, encode, messageOf, type PredictRequest, requireSignature, type TensorProto } from './messages.ts'
import { sentTensor, tensorProto } from './tensors.ts'

/**
 * PredictionService.Predict: tensors by name, of a model's rows, of its features or of a model of tensors, as the Open
 * Inference Protocol has them. Whom it asks stands in the message, which its service reads before this is asked.
 */
export const tfPredictGrpc: Protocol = {
  name: 'tf-serving-grpc-predict',
  routes: [],
  read: (incoming) => readPredict(messageOf<PredictRequest>(incoming, 'PredictRequest')),
  error: ({ status, message }) => ({ status, headers: [], body: message }),
  openApi: () => ({}),
}

function readPredict(message: PredictRequest): Asked {
  requireSignature(message)
  const { inputs, output_filter: wanted } = message
  const sent = Object.entries(inputs).map(([name, tensor]) => sentTensor(name, tensor, `inputs["${name}"]`))
  const outputs = wanted.map((name) => ({ name }))
  const write = ({ version }: Prediction['answeredBy'], tensors: [string, TensorProto][]): Written => ({
    contentType: 'application/grpc',
    body: encode('PredictResponse', {
      model_spec: answeredSpec(message, version),
      outputs: Object.fromEntries(tensors),
    }),
  })
  return {
    read: rowsReader(sent, wanted),
    write: (prediction) =>
      write(
        prediction.answeredBy,
        outputTensors(prediction)
          .filter(({ name }) => wanted.length === 0 || wanted.includes(name))
          .map(({ name, datatype, shape, bytes }) => [name, tensorProto(datatype, shape, bytes())]),
      ),
    tensors: {
      read: tensorModel(sent, outputs, { id: undefined, isBinary: true }).read,
      write: ({ facts, outputs: values, answeredBy }) =>
        write(
          answeredBy,
          outputsWanted(facts, outputs, true).map(({ spec: { name, datatype } }) => {
            const value = values[name] as (typeof values)[string]
            return [name, tensorProto(datatype, value.shape, bytesOf(value))]
          }),
        ),
    },
  }
}
