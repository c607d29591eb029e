import type { handleBidiStreamingCall, handleServerStreamingCall, handleUnaryCall, Server } from '@grpc/grpc-js'
import protobuf from 'protobufjs'
import { invalid } from '../../lib/models/rows.ts'
import { callStatusOf } from './status.ts'

/** What a method does with messages as they lie on the wire: what it cannot read it says itself. */
export type Unary = handleUnaryCall<Buffer, Buffer>
export type Bidi = handleBidiStreamingCall<Buffer, Buffer>
export type ServerStream = handleServerStreamingCall<Buffer, Buffer>

const bytes = (value: Buffer): Buffer => value

/**
 * Registers methods by their service's full name. What they throw is how their call ends: grpc-js calls them from
 * events, where it would end the process.
 */
export function register(
  server: Server,
  service: string,
  methods: Readonly<Record<string, { unary: Unary } | { bidi: Bidi } | { stream: ServerStream }>>,
): void {
  for (const [name, method] of Object.entries(methods)) {
    const path = `/${service}/${name}`
    if ('unary' in method) server.register(path, guardedUnary(method.unary), bytes, bytes, 'unary')
    else if ('bidi' in method) server.register(path, guarded(method.bidi), bytes, bytes, 'bidi')
    else server.register(path, guarded(method.stream), bytes, bytes, 'serverStream')
  }
}

const guardedUnary =
  (method: Unary): Unary =>
  (call, callback) => {
    try {
      method(call, callback)
    } catch (error) {
      callback(callStatusOf(error))
    }
  }

const guarded =
  <Call extends { emit(event: 'error', error: unknown): boolean }>(method: (call: Call) => void) =>
  (call: Call): void => {
    try {
      method(call)
    } catch (error) {
      call.emit('error', callStatusOf(error))
    }
  }

/** Reads and writes the messages of a .proto text. */
export function messagesOf(proto: string, namespace: string) {
  const { root } = protobuf.parse(proto, { keepCase: true })
  const typeOf = (name: string): protobuf.Type => root.lookupType(`${namespace}.${name}`)
  return {
    root,
    /** Fields that are not set have their type's zero, which only an own property of a oneof's field is not. */
    /** @throws SlipwayError REQUEST_INVALID for bytes that are no such message */
    decode<Message>(name: string, message: Buffer): Message {
      try {
        return typeOf(name).decode(message) as unknown as Message
      } catch (error) {
        throw invalid(`the message is no ${namespace}.${name}: ${(error as Error).message}`)
      }
    },
    encode: (name: string, message: object): Buffer => typeOf(name).encode(message).finish() as Buffer,
  }
}
