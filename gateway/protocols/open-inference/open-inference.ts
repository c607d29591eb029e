import { invalid } from '../../../lib/models/rows.ts'
import { asksExplanations, explanationsJson } from '../../explain.ts'
import { lookupParameters } from '../../lookups/report.ts'
import { isObject, parseJson } from '../json.ts'
import type { Asked, Incoming, Prediction, Protocol, Written } from '../protocol.ts'
import { jsonAnswer } from '../write.ts'
import { openInferenceLookups } from './lookups.ts'
import { openApiPaths } from './open-api.ts'
import { rowsReader } from './read-input.ts'
import { tensorModel } from './tensor-model.ts'
import { sentTensors } from './tensors.ts'
import { headOf, outputTensors } from './write-outputs.ts'

// Whether the answer is binary is said in the body.
const answers = ['application/json', 'application/octet-stream']
/** Length of the JSON in front of binary data, where there is any. */
const lengthHeader = 'inference-header-content-length'

/**
 * The Open Inference Protocol, version 2, with the binary tensor data extension
 * (github.com/kserve/open-inference-protocol; Triton's extension_binary_data.md). A model takes one tensor of shape [n]
 * or [n, 1] for each column: either the columns of its row schema, or the features that its ONNX graph takes. A
 * model of tensors alone takes those of its graph.
 */
export const openInference: Protocol = {
  name: 'open-inference',
  routes: [
    { path: '/v2/models/{name}/infer', answers },
    { path: '/v2/models/{name}/versions/{version}/infer', answers },
  ],
  readsHeaders: [lengthHeader],
  read: readInferRequest,
  error: ({ status, message }) => jsonAnswer(status, { error: message }),
  openApi: openApiPaths,
  lookups: openInferenceLookups,
}

function readInferRequest(incoming: Incoming): Asked {
  const { body } = incoming
  const jsonLength = incoming.header(lengthHeader)
  const cut = jsonLength === undefined ? body.length : Number(jsonLength)
  if (!Number.isInteger(cut) || cut < 0 || cut > body.length)
    throw invalid(`the body has ${body.length} bytes, less than Inference-Header-Content-Length says`)
  const request = parseJson(body.subarray(0, cut))
  if (!isObject(request) || !Array.isArray(request.inputs))
    throw invalid('expected an object with "inputs", an array of tensors')
  const sent = sentTensors(request.inputs, body.subarray(cut))
  const parameters = isObject(request.parameters) ? request.parameters : {}
  const explain = asksExplanations(request.parameters, 'parameters.explain')
  const { id } = request
  const outputs = Array.isArray(request.outputs) ? request.outputs : []
  const wanted = namesIn(outputs)
  const asksBinary = outputs.some(
    (output) => isObject(output) && isObject(output.parameters) && output.parameters.binary_data === true,
  )
  const isBinary = asksBinary || (outputs.length === 0 && parameters.binary_data_output === true)
  return {
    explain,
    read: rowsReader(sent, wanted),
    write: (prediction, requestId) =>
      writeResponse(prediction, typeof id === 'string' ? id : requestId, isBinary, wanted),
    tensors: tensorModel(sent, outputs, { id, isBinary: parameters.binary_data_output === true }),
  }
}

/** The outputs that a request names; none where it wants all. */
const namesIn = (outputs: readonly unknown[]): readonly unknown[] =>
  outputs.map((output) => (isObject(output) ? output.name : undefined))

/** @param wanted names of outputs; all of them if there are none */
function writeResponse(prediction: Prediction, id: string, isBinary: boolean, wanted: readonly unknown[]): Written {
  const { answeredBy, lookups, explained } = prediction
  const told = lookups === undefined ? '' : `"parameters":${JSON.stringify(lookupParameters(lookups))},`
  const why = explained === undefined ? '' : `"explanations":${JSON.stringify(explanationsJson(explained))},`
  const head = `{"model_name":${JSON.stringify(answeredBy.model)},"model_version":"${answeredBy.version}","id":${JSON.stringify(id)},${told}${why}"outputs":[`
  const tensors = outputTensors(prediction).filter(({ name }) => wanted.length === 0 || wanted.includes(name))
  if (!isBinary) {
    const outputs = tensors.map((tensor) => `${headOf(tensor)},"data":${tensor.json()}}`)
    return { contentType: 'application/json', body: `${head}${outputs.join(',')}]}` }
  }
  const data = tensors.map(({ bytes }) => bytes())
  const outputs = tensors.map((tensor, i) => `${headOf(tensor)},"parameters":{"binary_data_size":${data[i]?.length}}}`)
  const json = Buffer.from(`${head}${outputs.join(',')}]}`)
  return {
    contentType: 'application/octet-stream',
    body: Buffer.concat([json, ...data]),
    headers: { [lengthHeader]: String(json.length) },
  }
}
