import type { ServerDuplexStream } from '@grpc/grpc-js'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { mostWaiting } from '../ask-version.ts'
import { smallBody } from '../bodies/json-bounds.ts'
import type { CallHandler } from '../http-request.ts'
import { decode, openInferenceGrpc } from '../protocols/open-inference/grpc/infer.ts'
import { inferResponse, type ModelInferRequest, streamResponse } from '../protocols/open-inference/grpc/messages.ts'
import type { Outgoing, Protocol } from '../protocols/protocol.ts'
import { CallRequest } from './call-request.ts'
import { headOfMessage } from './head-of-message.ts'
import type { Bidi, Unary } from './services.ts'
import { answerMetadata, callStatusOf, failedCall } from './status.ts'

/** Messages of a stream that are answered at once, no more than may always wait; others are not read meanwhile. */
const mostAtOnce = mostWaiting

/** Requests of one kind: their protocol, how their messages are read, and whom they ask. */
export interface RequestKind<Message> {
  readonly protocol: Protocol
  /** @throws SlipwayError REQUEST_INVALID for bytes that are no such message */
  decode(bytes: Buffer): Message
  /** Numbers of the fields that say whom it asks. */
  readonly head: readonly number[]
  /** @throws SlipwayError REQUEST_INVALID where it asks nobody */
  asked(message: Message): { readonly name: string; readonly version: string | undefined }
}

/** Requests for predictions that came by gRPC. */
export interface InferCalls {
  unary<Message>(kind: RequestKind<Message>): Unary
  readonly stream: Bidi
  /** Answers that are due. */
  readonly inFlight: number
  /** Ends the streams, once what was read of them is answered. */
  end(): void
}

/** A request for predictions as a message: of a large one its head alone, for a thread reads the rest. */
class MessageRequest<Message> extends CallRequest {
  readonly message: Message
  readonly kind: RequestKind<Message>

  constructor(kind: RequestKind<Message>, ...args: ConstructorParameters<typeof CallRequest>) {
    super(...args)
    this.kind = kind
    const { body } = this
    this.message = kind.decode(body.length > smallBody ? headOfMessage(body, kind.head) : body)
  }
}

export const openInferenceKind: RequestKind<ModelInferRequest> = {
  protocol: openInferenceGrpc,
  decode,
  head: [1, 2],
  asked: ({ model_name: name, model_version: version }) => ({ name, version: version === '' ? undefined : version }),
}

/** A stream that is open. */
interface Stream {
  end(): void
}

export function createInferCalls(calls: CallHandler): InferCalls {
  const streams = new Set<Stream>()
  let inFlight = 0
  const predict = async <Message>(request: MessageRequest<Message>): Promise<Outgoing> => {
    const { kind, message } = request
    const { name, version } = kind.asked(message)
    inFlight++
    try {
      return await calls.predict(kind.protocol, request, name, version)
    } finally {
      inFlight--
    }
  }
  return {
    get inFlight() {
      return inFlight
    },
    end() {
      for (const stream of streams) stream.end()
    },
    unary:
      <Message>(kind: RequestKind<Message>): Unary =>
      (call, callback) => {
        const request = new MessageRequest(kind, call.metadata, call.getDeadline(), call.request)
        calls.admit()
        call.on('cancelled', () => request.giveUp())
        void predict(request).then(
          (outgoing) => {
            // Nobody is there any more.
            if (call.cancelled) return
            if (outgoing.status !== 200) return callback(failedCall(outgoing))
            call.sendMetadata(answerMetadata(outgoing.headers))
            callback(null, outgoing.body as Buffer)
          },
          (error: unknown) => callback(callStatusOf(error)),
        )
      },
    stream(call) {
      const stream = answerStream(call, calls, predict)
      streams.add(stream)
      call.on('close', () => streams.delete(stream))
      call.on('cancelled', () => streams.delete(stream))
    },
  }
}

/**
 * Answers the requests of a stream in their order, several at once. What is wrong with one is told in its place, and
 * the stream goes on.
 */
function answerStream(
  call: ServerDuplexStream<Buffer, Buffer>,
  calls: CallHandler,
  predict: (request: MessageRequest<ModelInferRequest>) => Promise<Outgoing>,
): Stream {
  const underWay = new Set<MessageRequest<ModelInferRequest>>()
  let last: Promise<unknown> = Promise.resolve()
  let isEnding = false
  let isOver = false
  const answer = async (message: Buffer): Promise<Buffer> => {
    let request: MessageRequest<ModelInferRequest> | undefined
    try {
      request = new MessageRequest(openInferenceKind, call.metadata, call.getDeadline(), message)
      underWay.add(request)
      calls.admit()
      return streamed(await predict(request))
    } catch (error) {
      return streamed({ status: 500, headers: [], body: callStatusOf(error).details })
    } finally {
      if (request !== undefined) underWay.delete(request)
    }
  }
  const end = (): void => {
    if (isEnding) return
    isEnding = true
    void last.then(() => {
      if (!isOver) call.end()
    })
  }
  let waiting = 0
  call.on('data', (message: Buffer) => {
    // To write behind the end would destroy the stream, status and all.
    if (isEnding) return
    waiting++
    if (waiting >= mostAtOnce) call.pause()
    const answered = answer(message)
    last = last.then(async () => {
      const response = await answered
      if (!isOver && !call.write(response)) await new Promise<void>((resolve) => call.once('drain', resolve))
      waiting--
      call.resume()
    })
  })
  call.on('end', end)
  call.on('cancelled', () => {
    isOver = true
    for (const request of underWay) request.giveUp()
    // Whoever waits for room to write waits in vain.
    call.emit('drain')
  })
  return {
    end() {
      if (isEnding) return
      isEnding = true
      const stopping = new SlipwayError('OVERLOADED', 'the gateway stops: open the stream anew')
      void last.then(() => {
        if (!isOver) call.emit('error', callStatusOf(stopping))
      })
    },
  }
}

/** That no more comes for a request, as Triton's clients are told (extension_parameters.md). */
const finalResponse = inferResponse.encode({
  model_name: '',
  model_version: '',
  id: '',
  parameters: { triton_final_response: { bool_param: true } },
  outputs: [],
  raw_output_contents: [],
})

function streamed({ status, body }: Outgoing): Buffer {
  if (status !== 200) return streamResponse.encode({ error_message: String(body) })
  // Messages behind one another are one: its fields are those of all.
  const answer = Buffer.concat([body as Buffer, finalResponse])
  return Buffer.concat([headOf(answer.length), answer])
}

/** The field `infer_response`, up to its bytes: tag and length. */
function headOf(length: number): Buffer {
  const head = [0x12]
  let rest = length
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) head.push((rest % 0x80) | 0x80)
  head.push(rest)
  return Buffer.from(head)
}
