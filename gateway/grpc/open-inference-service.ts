import { status as code, type Server } from '@grpc/grpc-js'
import type { CallHandler } from '../http-request.ts'
import { modelConfig } from '../protocols/open-inference/config.ts'
import { openInferenceProto } from '../protocols/open-inference/grpc/proto.ts'
import { serverMetadata } from '../protocols/open-inference/metadata.ts'
import { loadsByRoutes, metadataOf, modelStatistics, repositoryIndex } from '../protocols/open-inference/repository.ts'
import type { Found } from '../protocols/protocol.ts'
import { type InferCalls, openInferenceKind } from './infer-calls.ts'
import { messagesOf, register, type Unary } from './services.ts'

export const openInferenceService = 'inference.GRPCInferenceService'
export const openInferenceMessages = messagesOf(openInferenceProto, 'inference')

/** Names an endpoint, and maybe one of its versions. */
interface Named {
  readonly name: string
  readonly version: string
}

/** Answers what the service is asked: predictions by `infer`, the rest as the protocol does over HTTP. */
export function serveOpenInference(server: Server, { served }: CallHandler, infer: InferCalls): void {
  const { slipway, isReady, find, index, statistics } = served
  const { decode, encode } = openInferenceMessages
  const method = <Request>(name: string, answer: (request: Request) => object): { readonly unary: Unary } => ({
    unary: ({ request }, callback) =>
      callback(null, encode(`${name}Response`, answer(decode<Request>(`${name}Request`, request)))),
  })
  const numberIn = ({ version }: Pick<Named, 'version'>): string | undefined => (version === '' ? undefined : version)
  const found = (named: Named): Found => find(named.name, numberIn(named))
  const refuse: { readonly unary: Unary } = {
    unary: (_, callback) => callback({ code: code.UNIMPLEMENTED, details: loadsByRoutes().message }),
  }
  register(server, openInferenceService, {
    ServerLive: method('ServerLive', () => ({ live: true })),
    ServerReady: method('ServerReady', () => ({ ready: isReady() })),
    ServerMetadata: method('ServerMetadata', () => serverMetadata(slipway)),
    ModelReady: method<Named>('ModelReady', (named) => ({ ready: found(named) !== undefined })),
    ModelMetadata: method<Named>('ModelMetadata', (named) => {
      // Its message has no parameters: they are in the configuration.
      const { parameters: _, ...metadata } = metadataOf(named.name, found(named))
      return metadata
    }),
    ModelInfer: { unary: infer.unary(openInferenceKind) },
    ModelStreamInfer: { bidi: infer.stream },
    ModelConfig: method<Named>('ModelConfig', (named) => {
      const model = found(named)
      const config = modelConfig(metadataOf(named.name, model), model.version)
      return { config: { ...config, input: config.input.map(numbered), output: config.output.map(numbered) } }
    }),
    ModelStatistics: method<Named>('ModelStatistics', (named) => ({
      model_stats: modelStatistics(statistics(named.name === '' ? undefined : named.name, numberIn(named))),
    })),
    RepositoryIndex: method<{ ready: boolean }>('RepositoryIndex', ({ ready }) => ({
      models: repositoryIndex(index(), ready),
    })),
    RepositoryModelLoad: refuse,
    RepositoryModelUnload: refuse,
  })
}

/** With its type by number, as messages have it. */
const numbered = <Tensor extends { readonly data_type: string }>(tensor: Tensor) => ({
  ...tensor,
  data_type: openInferenceMessages.root.lookupEnum('inference.DataType').values[tensor.data_type] ?? 0,
})
