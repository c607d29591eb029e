import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A way to a server that breaks when it is told to. */
export interface CuttingProxy {
  readonly address: string
  /** Breaks each of the next connections when so many bytes of answers have come over it. */
  cut(behind: number, times: number): void
  stop(): Promise<void>
}

/** @param target address of the server, `http://127.0.0.1:8333` */
export async function startCuttingProxy(target: string): Promise<CuttingProxy> {
  const { hostname, port } = new URL(target)
  const open = new Set<Socket>()
  let [limit, left, round] = [0, 0, 0]
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    const both = [client, upstream]
    let [bytes, own] = [0, 0]
    for (const socket of both) {
      open.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        open.delete(socket)
        for (const other of both) other.destroy()
      })
    }
    client.pipe(upstream)
    upstream.on('data', (chunk: Buffer) => {
      // A connection that is kept counts anew from when the next cut was ordered.
      if (own !== round) [bytes, own] = [0, round]
      bytes += chunk.length
      if (left > 0 && bytes > limit) {
        left--
        upstream.destroy()
        client.destroy()
      } else if (!client.write(chunk)) {
        upstream.pause()
        client.once('drain', () => upstream.resume())
      }
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut(behind, times) {
      limit = behind
      left = times
      round++
    },
    async stop() {
      server.close()
      for (const socket of open) socket.destroy()
      await once(server, 'close')
    },
  }
}
