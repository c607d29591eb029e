import {
  type ChannelOptions,
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptor,
} from '@grpc/grpc-js'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { requestMs } from '../http.ts'
import type { CallHandler } from '../http-request.ts'
import { root as tfServingRoot } from '../protocols/tf-serving/grpc/messages.ts'
import { health, healthService, serveHealth } from './health.ts'
import { createInferCalls } from './infer-calls.ts'
import { openInferenceMessages, openInferenceService, serveOpenInference } from './open-inference-service.ts'
import { serveReflection } from './reflection.ts'
import { callStatusOf } from './status.ts'
import { serveTfServing, tfServingServices } from './tf-serving-service.ts'

export interface GrpcOptions {
  readonly host: string
  readonly port: number
  /** Bytes a message may have, unpacked. */
  readonly bodyLimit: number
  readonly tls: { readonly cert: Buffer; readonly key: Buffer } | undefined
  readonly calls: CallHandler
}

/** The gateway's side of gRPC. */
export interface GrpcServer {
  readonly port: number
  /** Answers that are due. */
  readonly inFlight: number
  /** Tells those who are connected to connect anew, where others may answer them; they are answered here as before. */
  drain(): void
  /** Closes the port, and resolves when what came is answered, or took longer than any may. */
  close(): Promise<void>
}

/** What load balancers ask without a token. */
const open = new Set([
  `/${openInferenceService}/ServerLive`,
  `/${openInferenceService}/ServerReady`,
  `/${healthService}/Check`,
  `/${healthService}/Watch`,
])

/** Opens a port for gRPC and answers what comes there. @throws what grpc-js says of a port that cannot be had */
export async function listenGrpc({ host, port: wanted, bodyLimit, tls, calls }: GrpcOptions): Promise<GrpcServer> {
  const { isAllowed } = calls
  const options: ChannelOptions = {
    'grpc.max_receive_message_length': bodyLimit,
    'grpc.max_send_message_length': -1,
    // Its books of every call are for nobody here.
    'grpc.enable_channelz': 0,
  }
  const server = new Server({ ...options, interceptors: isAllowed === undefined ? [] : [askingTokens(isAllowed)] })
  const infer = createInferCalls(calls)
  serveOpenInference(server, calls, infer)
  serveTfServing(server, calls, infer)
  serveHealth(server, calls.served, [openInferenceService, ...tfServingServices])
  serveReflection(server, [openInferenceMessages.root, tfServingRoot, health.root])
  const credentials =
    tls === undefined
      ? ServerCredentials.createInsecure()
      : ServerCredentials.createSsl(null, [{ cert_chain: tls.cert, private_key: tls.key }])
  const at = (port: number): string => `${host.includes(':') ? `[${host}]` : host}:${port}`
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync(at(wanted), credentials, (error, bound) => (error === null ? resolve(bound) : reject(error))),
  )
  return {
    port,
    get inFlight() {
      return infer.inFlight
    },
    drain: () => server.drain(at(port), requestMs),
    async close() {
      infer.end()
      const timer = setTimeout(() => server.forceShutdown(), requestMs)
      await new Promise<void>((resolve) => server.tryShutdown(() => resolve()))
      clearTimeout(timer)
    },
  }
}

/** Refuses calls without a token by their heads: messages of theirs are not read. */
const askingTokens =
  (isAllowed: (authorization: string | undefined) => boolean): ServerInterceptor =>
  ({ path }, call) =>
    new ServerInterceptingCall(call, {
      start(next) {
        next({
          onReceiveMetadata(metadata, proceed) {
            const [authorization] = metadata.get('authorization')
            if (open.has(path) || isAllowed(authorization?.toString())) return proceed(metadata)
            call.sendStatus(callStatusOf(new SlipwayError('UNAUTHORIZED', 'a bearer token is needed')))
          },
        })
      },
    })
