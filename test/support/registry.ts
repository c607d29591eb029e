import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A package registry on this machine. */
export interface Registry {
  /** What a client is told: `npm install slipway --registry URL`. */
  readonly url: string
  close(): Promise<void>
}

/**
 * Serves packages of ours from their tarballs as a registry would, with one version each, and sends clients for all
 * others to the registry that npm is set to. Names that begin with ours are nobody else's: nobody asks for them there.
 * @param tarballs their paths
 */
export async function startRegistry(tarballs: readonly string[]): Promise<Registry> {
  const upstream = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim().replace(/\/$/, '')
  const packages = new Map(tarballs.map((file) => [manifestIn(file).name, file]))
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://registry').pathname).slice(1)
    const [name, tarball] = path.split('/-/') as [string, string?]
    const file = packages.get(name)
    if (file !== undefined && tarball !== undefined) return void response.end(readFileSync(file))
    if (file !== undefined) {
      response.setHeader('content-type', 'application/json')
      return void response.end(JSON.stringify(packument(file, `http://${request.headers.host}`)))
    }
    response.statusCode = /^(create-)?slipway/.test(name) ? 404 : 307
    if (response.statusCode === 307) response.setHeader('location', `${upstream}${request.url}`)
    response.end('{}')
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/`,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed())
        server.closeAllConnections()
      }),
  }
}

interface PackedManifest {
  readonly name: string
  readonly version: string
}

const manifestIn = (tarball: string): PackedManifest =>
  JSON.parse(execFileSync('tar', ['-xOzf', tarball, 'package/package.json'], { encoding: 'utf8' }))

/** What a registry says of a package. */
function packument(file: string, registry: string): unknown {
  const manifest = manifestIn(file)
  const { name, version } = manifest
  const integrity = `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}`
  const dist = { tarball: `${registry}/${name}/-/${name}-${version}.tgz`, integrity }
  return { name, 'dist-tags': { latest: version }, versions: { [version]: { ...manifest, dist } } }
}
