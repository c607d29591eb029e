import { azureMl } from '../protocols/containers/azure-ml.ts'
import { vertex } from '../protocols/containers/vertex.ts'
import { builtIn } from '../protocols/index.ts'
import { openInferenceGrpc } from '../protocols/open-inference/grpc/infer.ts'
import type { Protocol } from '../protocols/protocol.ts'
import { tfClassifyGrpc, tfRegressGrpc } from '../protocols/tf-serving/grpc/examples.ts'
import { tfPredictGrpc } from '../protocols/tf-serving/grpc/predict.ts'

/** Slipway's own protocols, of every transport and platform, by name: what a thread reads without being told how. */
export const knownProtocols: ReadonlyMap<string, Protocol> = new Map(
  [
    ...builtIn,
    azureMl,
    vertex({ predict: '/predict', health: undefined }),
    openInferenceGrpc,
    tfPredictGrpc,
    tfClassifyGrpc,
    tfRegressGrpc,
  ].map((protocol) => [protocol.name, protocol]),
)
