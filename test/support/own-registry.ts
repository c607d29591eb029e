import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * A registry of npm's protocol on this machine that has packages of ours as if they were published; for all others it
 * sends on to the one that npm is set up for.
 * @param tarballs of packages, as `npm pack` makes them
 */
export async function ownRegistry(
  tarballs: readonly string[],
): Promise<{ readonly address: string; close(): Promise<void> }> {
  const upstream = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim().replace(/\/$/, '')
  let address = ''
  const packages = new Map(
    tarballs.map((file) => {
      const bytes = readFileSync(file)
      const text = execFileSync('tar', ['-xzOf', file, 'package/package.json'], { encoding: 'utf8' })
      const manifest = JSON.parse(text) as { name: string; version: string }
      return [manifest.name, { bytes, manifest }] as const
    }),
  )
  const server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? '').slice(1))
    const found = packages.get(path.replace(/^tarballs\//, ''))
    if (found === undefined) {
      response.writeHead(307, { location: `${upstream}${request.url}` }).end()
      return
    }
    const { bytes, manifest } = found
    if (path.startsWith('tarballs/')) {
      response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(bytes)
      return
    }
    const { name, version } = manifest
    const dist = {
      tarball: `${address}/tarballs/${name}`,
      integrity: `sha512-${createHash('sha512').update(bytes).digest('base64')}`,
    }
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ name, 'dist-tags': { latest: version }, versions: { [version]: { ...manifest, dist } } }))
  })
  await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done))
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { address, close: () => new Promise((done) => void server.close(() => done())) }
}
