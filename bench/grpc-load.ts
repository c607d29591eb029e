import { connect, type Socket } from 'node:net'

/* A client of gRPC that costs next to nothing, so that it leaves the machine to the server: ready frames of HTTP/2 (RFC
   9113), of whose answers only kind and end are read. */

const kinds = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8 } as const
const flags = { ack: 1, endStream: 1, endHeaders: 4 } as const

function frame(kind: number, flag: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = kind
  head[4] = flag
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

const text = (value: string): Buffer => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)])
const none = Buffer.alloc(0)

/** A call's frames on stream 0; whoever sends them writes its own in. */
function callFrames(path: string, message: Buffer): { readonly bytes: Buffer; readonly streamsAt: readonly number[] } {
  // HPACK (RFC 7541): entries 3 and 6 of its table, then literals that are not kept.
  const headers = Buffer.concat([
    Buffer.from([0x83, 0x86]),
    ...[Buffer.from([0x04]), text(path), Buffer.from([0x01]), text('127.0.0.1')],
    ...[Buffer.from([0x0f, 0x10]), text('application/grpc'), Buffer.from([0x00]), text('te'), text('trailers')],
  ])
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  const head = frame(kinds.headers, flags.endHeaders, 0, headers)
  const body = frame(kinds.data, flags.endStream, 0, Buffer.concat([prefix, message]))
  return { bytes: Buffer.concat([head, body]), streamsAt: [5, head.length + 5] }
}

/** Windows as large as they may be: answers never wait for room. */
function preface(): Buffer {
  const most = Buffer.alloc(4)
  most.writeUInt32BE(2 ** 31 - 1 - 65_535)
  return Buffer.concat([
    Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    frame(kinds.settings, 0, 0, none),
    frame(kinds.windowUpdate, 0, 0, most),
  ])
}

/**
 * Calls a method for a while, on each connection one call after another.
 * @returns answers a second; @throws for a call that is answered without a message
 */
export async function loadGrpc(
  port: number,
  path: string,
  message: Buffer,
  { connections, seconds }: { readonly connections: number; readonly seconds: number },
): Promise<number> {
  const until = performance.now() + seconds * 1000
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(port)))
  const start = performance.now()
  const counts = await Promise.all(sockets.map((socket) => callUntil(socket, path, message, until)))
  const took = (performance.now() - start) / 1000
  for (const socket of sockets) socket.destroy()
  return counts.reduce((sum, count) => sum + count, 0) / took
}

function callUntil(socket: Socket, path: string, message: Buffer, until: number): Promise<number> {
  const { bytes, streamsAt } = callFrames(path, message)
  let stream = 1
  let answered = 0
  let hasMessage = false
  let rest: Buffer = none
  return new Promise((resolve, reject) => {
    const send = (): void => {
      const call = Buffer.from(bytes)
      for (const at of streamsAt) call.writeUInt32BE(stream, at)
      stream += 2
      hasMessage = false
      socket.write(call)
    }
    const take = (kind: number, flag: number, payload: Buffer): void => {
      if (kind === kinds.settings && (flag & flags.ack) === 0) socket.write(frame(kinds.settings, flags.ack, 0, none))
      else if (kind === kinds.ping && (flag & flags.ack) === 0) socket.write(frame(kinds.ping, flags.ack, 0, payload))
      else if (kind === kinds.reset || kind === kinds.goAway) reject(new Error(`the call was ended by frame ${kind}`))
      else if (kind === kinds.data && payload.length > 0) hasMessage = true
      else if (kind === kinds.headers && (flag & flags.endStream) !== 0) {
        if (hasMessage) answered++
        else reject(new Error('a call was answered without a message'))
        if (performance.now() < until) send()
        else resolve(answered)
      }
    }
    socket.on('data', (chunk: Buffer) => {
      const all = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      let at = 0
      while (all.length >= at + 9) {
        const end = at + 9 + all.readUIntBE(at, 3)
        if (all.length < end) break
        take(all[at + 3] as number, all[at + 4] as number, all.subarray(at + 9, end))
        at = end
      }
      rest = all.subarray(at)
    })
    socket.on('error', reject)
    socket.write(preface())
    send()
  })
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket))
    socket.setNoDelay(true)
    socket.once('error', reject)
  })
}
