import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** How a way to a server is: `hangs` takes connections and bytes, and lets nothing through. */
type Way = 'open' | 'refuses' | 'resets' | 'hangs'

/** A way to a server, which changes when it is told to. */
export interface ChangeableWay {
  /** `127.0.0.1:8333` */
  readonly address: string
  become(way: Way): Promise<void>
  /** Nothing comes over the connections that stand now any more; they are not closed. New ones are as the way is. */
  stall(): void
  stop(): Promise<void>
}

/** @param target `127.0.0.1:7233` */
export async function openWay(target: string): Promise<ChangeableWay> {
  const [host = '', port = ''] = target.split(':')
  const open = new Set<Socket>()
  let way: Way = 'open'
  const stalled = new WeakSet<Socket>()
  const server = createServer((client) => {
    if (way === 'resets') {
      client.resetAndDestroy()
      return
    }
    const upstream = connect(Number(port), host)
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        open.delete(socket)
        other.destroy()
      })
      socket.on('data', (chunk) => {
        // What was sent while it hung is lost, as on a cut line: the connection is of no use afterwards.
        if (way === 'open' && !stalled.has(socket)) other.write(chunk)
      })
    }
  })
  const listen = async (at: number): Promise<void> => {
    server.listen(at, '127.0.0.1')
    await once(server, 'listening')
  }
  await listen(0)
  const own = (server.address() as AddressInfo).port
  const cut = (): void => {
    for (const socket of open) socket.resetAndDestroy()
  }
  return {
    address: `127.0.0.1:${own}`,
    async become(next) {
      const before = way
      way = next
      if (before === 'refuses') await listen(own)
      if (before === 'hangs' || next === 'resets') cut()
      if (next !== 'refuses') return
      const closed = once(server, 'close')
      server.close()
      cut()
      await closed
    },
    stall() {
      for (const socket of open) stalled.add(socket)
    },
    async stop() {
      cut()
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      await closed
    },
  }
}
