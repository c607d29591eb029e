import { readFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, normalize } from 'node:path'

const types: Readonly<Record<string, string>> = { js: 'text/javascript', html: 'text/html', json: 'application/json' }

/** Serves a folder on 127.0.0.1, with faults where a test wants some. */
export interface EdgeServer {
  /** With a slash behind it. */
  readonly address: string
  /** What is asked for, in order. */
  readonly asked: string[]
  /** Looks at every file before it is sent: gives other bytes, or undefined for those that are there. */
  fault(change: (path: string, bytes: Buffer) => Buffer | Promise<Buffer> | undefined): void
  /** From now on nobody is answered. */
  stop(): Promise<void>
}

export async function serveFolder(folder: string): Promise<EdgeServer> {
  let change: Parameters<EdgeServer['fault']>[0] = () => undefined
  const asked: string[] = []
  const answer = async (url: string, response: ServerResponse): Promise<void> => {
    const path = normalize(decodeURIComponent(new URL(url, 'http://localhost').pathname)).replace(/\/$/, '/index.html')
    asked.push(path)
    const bytes = await readFile(join(folder, path)).catch(() => undefined)
    if (bytes === undefined) return void response.writeHead(404).end()
    response.writeHead(200, { 'content-type': types[path.split('.').at(-1) ?? ''] ?? 'application/octet-stream' })
    response.end((await change(path, bytes)) ?? bytes)
  }
  const server = createServer((request, response) => void answer(request.url ?? '/', response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    address: `http://127.0.0.1:${port}/`,
    asked,
    fault(other) {
      change = other
    },
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
