import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'

type Params = Record<string, unknown>
/** A debugger as an editor is one: Chrome's protocol over a WebSocket, which Node 20 has no client for. */
export interface Debugger {
  send(method: string, params?: Params): Promise<Params>
  /** The next event of that name that came or comes, and satisfies. */
  event(method: string, is?: (params: Params) => boolean): Promise<Params>
  close(): void
}

/** @param address `ws://127.0.0.1:9229/…` */
export async function attach(address: string): Promise<Debugger> {
  const { hostname, port, pathname } = new URL(address)
  const socket = connect(Number(port), hostname)
  const answers = new Map<number, (result: Params) => void>()
  const events: { method: string; params: Params }[] = []
  const waiting: { method: string; is: (params: Params) => boolean; resolve: (params: Params) => void }[] = []
  const hear = (text: string): void => {
    const { id, result, error, method, params } = JSON.parse(text)
    if (id !== undefined) {
      answers.get(id)?.(error ?? result)
      return
    }
    const at = waiting.findIndex((each) => each.method === method && each.is(params))
    if (at < 0) events.push({ method, params })
    else waiting.splice(at, 1)[0]?.resolve(params)
  }
  await new Promise<void>((resolve, reject) => {
    let buffer: Buffer = Buffer.alloc(0)
    let isOpen = false
    socket.once('error', reject)
    socket.on('data', (data) => {
      buffer = Buffer.concat([buffer, data])
      if (!isOpen) {
        const end = buffer.indexOf('\r\n\r\n')
        if (end < 0) return
        isOpen = true
        buffer = buffer.subarray(end + 4)
        resolve()
      }
      for (let frame = takeFrame(buffer); frame !== undefined; frame = takeFrame(buffer)) {
        buffer = frame.rest
        if (frame.text !== undefined) hear(frame.text)
      }
    })
    const key = randomBytes(16).toString('base64')
    socket.write(
      `GET ${pathname} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    )
  })
  let last = 0
  return {
    send(method, params = {}) {
      const id = ++last
      socket.write(frameOf(JSON.stringify({ id, method, params })))
      return new Promise((resolve) => answers.set(id, resolve))
    },
    event(method, is = () => true) {
      const at = events.findIndex((each) => each.method === method && is(each.params))
      if (at >= 0) return Promise.resolve(events.splice(at, 1)[0]?.params as Params)
      return new Promise((resolve) => waiting.push({ method, is, resolve }))
    },
    close: () => socket.destroy(),
  }
}

/** A text in one frame, masked as clients must. */
function frameOf(text: string): Buffer {
  const payload = Buffer.from(text)
  const mask = randomBytes(4)
  const head = Buffer.alloc(payload.length < 126 ? 2 : 4)
  head[0] = 0x81
  head[1] = 0x80 | Math.min(payload.length, 126)
  if (payload.length >= 126) head.writeUInt16BE(payload.length, 2)
  return Buffer.concat([head, mask, payload.map((byte, i) => byte ^ (mask[i % 4] as number))])
}

/** The first whole frame of what came. Node's inspector sends each message in one. */
function takeFrame(buffer: Buffer): { text: string | undefined; rest: Buffer } | undefined {
  if (buffer.length < 2) return undefined
  const short = (buffer[1] as number) & 0x7f
  const head = short === 126 ? 4 : short === 127 ? 10 : 2
  if (buffer.length < head) return undefined
  const length = short === 126 ? buffer.readUInt16BE(2) : short === 127 ? Number(buffer.readBigUInt64BE(2)) : short
  if (buffer.length < head + length) return undefined
  const isText = ((buffer[0] as number) & 0xf) === 1
  return {
    text: isText ? buffer.toString('utf8', head, head + length) : undefined,
    rest: buffer.subarray(head + length),
  }
}
