import { type CallOptions, ChannelCredentials, Client, Metadata, type ServiceError } from '@grpc/grpc-js'
import { messagesOf } from '../../gateway/grpc/services.ts'
import {
  inferRequest,
  inferResponse,
  type ModelInferRequest,
  type ModelInferResponse,
} from '../../gateway/protocols/open-inference/grpc/messages.ts'
import { openInferenceProto } from '../../gateway/protocols/open-inference/grpc/proto.ts'

export const inference = messagesOf(openInferenceProto, 'inference')
const service = '/inference.GRPCInferenceService'
const bytes = (value: Buffer): Buffer => value

/** A message with numbers for those of 64 bits, all fields there, and no methods. */
function plain(name: string, message: Buffer): object {
  const type = inference.root.lookupType(`inference.${name}`)
  return type.toObject(type.decode(message), { longs: Number, enums: String, defaults: true, oneofs: false })
}

/** How a call ended, with what it was answered. */
export interface Ended<Response> {
  readonly code: number
  readonly details: string
  readonly response: Response | undefined
  /** What came in front of the answer, and behind it. */
  readonly metadata: Readonly<Record<string, string>>
}

export interface CallWith {
  readonly metadata?: Readonly<Record<string, string>>
  readonly options?: CallOptions
}

/** A client that sends messages as they are. */
export class GrpcClient {
  readonly client: Client

  constructor(address: string, credentials = ChannelCredentials.createInsecure(), options = {}) {
    this.client = new Client(address, credentials, { 'grpc.max_receive_message_length': -1, ...options })
  }

  /** Calls a method by its path. */
  call(path: string, message: Buffer, { metadata = {}, options = {} }: CallWith = {}): Promise<Ended<Buffer>> {
    return new Promise((resolve) => {
      const head = new Metadata()
      for (const [name, value] of Object.entries(metadata)) head.set(name, value)
      const said: Record<string, string> = {}
      const note = (more: Metadata): void => {
        for (const [name, value] of Object.entries(more.getMap())) said[name] = value.toString()
      }
      const call = this.client.makeUnaryRequest(
        path,
        bytes,
        bytes,
        message,
        head,
        options,
        (error: ServiceError | null, response?: Buffer) => {
          if (error !== null) note(error.metadata ?? new Metadata())
          resolve({ code: error?.code ?? 0, details: error?.details ?? '', response, metadata: said })
        },
      )
      call.on('metadata', note)
    })
  }

  /** Calls a method of the Open Inference Protocol. */
  async ask<Response>(method: string, request: object = {}, more: CallWith = {}): Promise<Ended<Response>> {
    const ended = await this.call(`${service}/${method}`, inference.encode(`${method}Request`, request), more)
    const { response } = ended
    return { ...ended, response: response && (plain(`${method}Response`, response) as Response) }
  }

  async infer(request: Partial<ModelInferRequest>, more: CallWith = {}): Promise<Ended<ModelInferResponse>> {
    const ended = await this.call(`${service}/ModelInfer`, inferRequest.encode(request as ModelInferRequest), more)
    return { ...ended, response: ended.response && inferResponse.decode(ended.response) }
  }

  /** Sends requests in one stream. @returns its answers, and how it ended */
  stream(metadata = new Metadata()) {
    const call = this.client.makeBidiStreamRequest(`${service}/ModelStreamInfer`, bytes, bytes, metadata)
    const answers: { error_message: string; infer_response: ModelInferResponse | null }[] = []
    call.on('data', (message: Buffer) => answers.push(inference.decode('ModelStreamInferResponse', message)))
    const ended = new Promise<{ code: number; details: string }>((resolve) => {
      call.on('error', () => {})
      call.on('status', ({ code, details }) => resolve({ code, details }))
    })
    return {
      answers,
      ended,
      send: (request: Partial<ModelInferRequest>) => void call.write(inferRequest.encode(request as ModelInferRequest)),
      end: () => void call.end(),
      cancel: () => void call.cancel(),
    }
  }

  close(): void {
    this.client.close()
  }
}
