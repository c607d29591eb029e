import { status as code, type Server } from '@grpc/grpc-js'
import type { CallHandler } from '../http-request.ts'
import { loadsByRoutes } from '../protocols/open-inference/repository.ts'
import type { Protocol } from '../protocols/protocol.ts'
import { tfClassifyGrpc, tfRegressGrpc } from '../protocols/tf-serving/grpc/examples.ts'
import { askedIn, decode, encode, type Specified } from '../protocols/tf-serving/grpc/messages.ts'
import { modelMetadata, modelStatus } from '../protocols/tf-serving/grpc/metadata.ts'
import { tfPredictGrpc } from '../protocols/tf-serving/grpc/predict.ts'
import type { InferCalls } from './infer-calls.ts'
import { register, type Unary } from './services.ts'

const predictionService = 'tensorflow.serving.PredictionService'
const modelService = 'tensorflow.serving.ModelService'
export const tfServingServices = [predictionService, modelService] as const

type Method = { readonly unary: Unary }

/** Answers what TensorFlow Serving is asked: predictions by `infer`, the rest as over HTTP. */
export function serveTfServing(server: Server, { served }: CallHandler, infer: InferCalls): void {
  const predicting = (protocol: Protocol, message: string): Method => ({
    unary: infer.unary<Specified>({
      protocol,
      decode: (bytes) => decode(`${message}Request`, bytes),
      head: [1],
      asked: askedIn,
    }),
  })
  const lookup = <Request>(name: string, answer: (request: Request) => object): Method => ({
    unary: ({ request }, callback) =>
      callback(null, encode(`${name}Response`, answer(decode<Request>(`${name}Request`, request)))),
  })
  const refuse = (details: string): Method => ({
    unary: (_, callback) => callback({ code: code.UNIMPLEMENTED, details }),
  })
  register(server, predictionService, {
    Predict: predicting(tfPredictGrpc, 'Predict'),
    Classify: predicting(tfClassifyGrpc, 'Classification'),
    Regress: predicting(tfRegressGrpc, 'Regression'),
    GetModelMetadata: lookup('GetModelMetadata', (request: Parameters<typeof modelMetadata>[1]) =>
      modelMetadata(served, request),
    ),
    MultiInference: refuse('a model is asked by one method: ask Classify or Regress'),
  })
  register(server, modelService, {
    GetModelStatus: lookup('GetModelStatus', (request: Specified) => modelStatus(served, request)),
    HandleReloadConfigRequest: refuse(loadsByRoutes().message),
  })
}
