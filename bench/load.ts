import { connect, type Socket } from 'node:net'

/** What a load generator measured: times in milliseconds. */
export interface Load {
  readonly seconds: number
  readonly answered: number
  /** Answers by status. */
  readonly statuses: Readonly<Record<string, number>>
  /** Requests that no free connection was there for (open loop only). */
  readonly unsent: number
  /** Of those with status 200. */
  readonly p50: number
  readonly p99: number
}

/** A request as it goes over the wire. */
export function wire(port: number, path: string, body: string, headers: Record<string, string> = {}): Buffer {
  const lines = Object.entries({
    host: `127.0.0.1:${port}`,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}`)
  return Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`)
}

interface Connection {
  readonly socket: Socket
  sentAt: number
  busy: boolean
}

/**
 * Sends requests over keep-alive connections and times the answers. Closed loop: each connection asks again when it was
 * answered. Open loop (`rate` a second): requests leave on time, on whichever connection is free.
 */
export async function generate(
  port: number,
  requests: readonly Buffer[],
  { connections, seconds, rate }: { connections: number; seconds: number; rate?: number },
): Promise<Load> {
  const times: number[] = []
  const statuses: Record<string, number> = {}
  let answered = 0
  let next = 0
  let unsent = 0
  let running = true
  const send = (connection: Connection): void => {
    connection.busy = true
    connection.sentAt = performance.now()
    connection.socket.write(requests[next++ % requests.length] as Buffer)
  }
  const all = await Promise.all(Array.from({ length: connections }, () => open(port)))
  const pool = all.map((socket): Connection => ({ socket, sentAt: 0, busy: false }))
  for (const connection of pool) {
    let text = ''
    let usual = 0
    connection.socket.on('data', (chunk: Buffer) => {
      let status = '200'
      // Most answers are alike: then their length says enough, and the generator leaves the machine to the server.
      if (text !== '' || chunk.length !== usual || chunk[9] !== 50) {
        text += chunk.toString('latin1')
        const end = answerEnd(text)
        if (end === undefined) return
        status = text.slice(9, 12)
        usual = text.length === end ? end : 0
        text = text.slice(end)
      }
      statuses[status] = (statuses[status] ?? 0) + 1
      answered++
      // What is refused is answered soon; how long the others take is the question.
      if (status === '200') times.push(performance.now() - connection.sentAt)
      connection.busy = false
      if (running && rate === undefined) send(connection)
    })
  }
  const start = performance.now()
  if (rate === undefined) for (const connection of pool) send(connection)
  else {
    let due = 0
    while (performance.now() - start < seconds * 1000) {
      const now = ((performance.now() - start) / 1000) * rate
      for (; due < now; due++) {
        const free = pool.find(({ busy }) => !busy)
        if (free === undefined) unsent++
        else send(free)
      }
      // Sent every millisecond: a generator that never rests would take the processor from the server.
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }
  if (rate === undefined) await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  running = false
  const took = (performance.now() - start) / 1000
  await new Promise((resolve) => setTimeout(resolve, 300))
  for (const { socket } of pool) socket.destroy()
  times.sort((a, b) => a - b)
  const at = (share: number): number =>
    times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? Number.NaN
  return { seconds: took, answered, statuses, unsent, p50: at(0.5), p99: at(0.99) }
}

/** Where an answer ends in the text received, by its Content-Length; undefined while it has not come whole. */
function answerEnd(text: string): number | undefined {
  const head = text.indexOf('\r\n\r\n')
  if (head < 0) return undefined
  const at = text.search(/content-length: /i)
  const length = at >= 0 && at < head ? Number.parseInt(text.slice(at + 16), 10) : 0
  const end = head + 4 + length
  return text.length >= end ? end : undefined
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket))
    socket.setNoDelay(true)
    socket.once('error', reject)
  })
}
