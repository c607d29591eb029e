import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, cpSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import getPort from 'get-port'
import pg from 'pg'
import { debianPackage } from './debian.ts'

const run = promisify(execFile)
/** What Debian 12 has; unpacked where no server is installed. */
const packages = ['postgresql-15', 'postgresql-client-15', 'libpq5'] as const
const version = '15.20-0+deb12u1'

/** Password of the user `reader`, who may read what `postgres` grants. */
export const readersPassword = 'a secret of the reader'

/** A PostgreSQL server of one's own on a free port of this machine. */
export interface TestPostgres {
  readonly port: number
  /** A file with its certificate, of `localhost`, which nobody trusts by itself. */
  readonly certificate: string
  /** Its command-line client, with the environment that it needs. */
  readonly psql: { readonly path: string; readonly env: NodeJS.ProcessEnv }
  /** An address for a source, of the user `postgres` unless another is given. */
  address(what: string, user?: string): string
  /** Carries out statements, as the superuser. */
  sql(text: string): Promise<Record<string, unknown>[]>
  /** Ends it as a power cut would. */
  kill(): Promise<void>
  stop(): Promise<void>
}

interface Executables {
  readonly bin: string
  readonly psql: string
  readonly env: NodeJS.ProcessEnv
}

/**
 * Where the server's executables are: those of the machine, or Debian's, unpacked.
 * @param folder where they are laid, for who runs the server may not look into the cache of who tests it
 */
async function executables(folder: string): Promise<Executables> {
  const installed = '/usr/lib/postgresql'
  const versions = existsSync(installed) ? readdirSync(installed).sort((a, b) => Number(b) - Number(a)) : []
  const found = versions.map((each) => join(installed, each, 'bin')).find((bin) => existsSync(join(bin, 'postgres')))
  if (found !== undefined) return { bin: found, psql: join(found, 'psql'), env: process.env }
  for (const name of packages) cpSync(await debianPackage(name, version), folder, { recursive: true })
  const libraries = readdirSync(join(folder, 'usr/lib'), { recursive: true, encoding: 'utf8' })
  const library = libraries.find((path) => basename(path) === 'libpq.so.5') ?? ''
  const bin = join(folder, 'usr/lib/postgresql/15/bin')
  const env = { ...process.env, LD_LIBRARY_PATH: join(folder, 'usr/lib', dirname(library)) }
  return { bin, psql: join(bin, 'psql'), env }
}

/** Postgres refuses to run as root: then it runs as the user who owns nothing. */
async function unprivileged(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const [uid, gid] = await Promise.all(['-u', '-g'].map(async (flag) => (await run('id', [flag, 'nobody'])).stdout))
  return { uid: Number(uid), gid: Number(gid) }
}

/**
 * Starts a server that takes `postgres` as it comes, everybody else by password, and TLS with a certificate of its own.
 * @throws when it cannot be had here
 */
export async function startPostgres(...options: readonly string[]): Promise<TestPostgres> {
  const user = await unprivileged()
  const folder = mkdtempSync(join(tmpdir(), 'slipway-postgres-'))
  const data = join(folder, 'data')
  const give = (path: string): void => {
    if (user !== undefined) chownSync(path, user.uid, user.gid)
  }
  give(folder)
  const { bin, psql, env } = await executables(join(folder, 'debian'))
  const settings = { cwd: folder, env, ...user }
  await run(join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'], settings)
  writeFileSync(
    join(data, 'pg_hba.conf'),
    'host all postgres 127.0.0.1/32 trust\nhostssl all tls_only 127.0.0.1/32 scram-sha-256\nhostnossl all tls_only 127.0.0.1/32 reject\nhost all all 127.0.0.1/32 scram-sha-256\n',
  )
  const [key, certificate] = [join(data, 'server.key'), join(data, 'server.crt')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', certificate],
    ...subject,
  ])
  for (const file of [key, certificate]) give(file)
  chmodSync(key, 0o600)
  const port = await getPort()
  const flags = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', '', '-F', '-c', 'ssl=on', ...options]
  const server = spawn(join(bin, 'postgres'), flags, { ...settings, stdio: ['ignore', 'ignore', 'pipe'] })
  await untilReady(server)
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres', ssl: false })
  client.on('error', () => {})
  await client.connect()
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    if (server.exitCode === null && server.signalCode === null) {
      // The server's own processes notice that it is gone, and go too.
      server.kill(signal)
      await once(server, 'exit')
    }
  }
  return {
    port,
    certificate,
    psql: { path: psql, env },
    address: (what, name = 'postgres') => `postgres://${name}@127.0.0.1:${port}/postgres?${what}`,
    sql: async (text) => [(await client.query(text)) as unknown as pg.QueryResult].flat().at(-1)?.rows ?? [],
    kill: () => stop('SIGKILL'),
    async stop() {
      await client.end().catch(() => {})
      await stop('SIGINT')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function untilReady(server: ChildProcess): Promise<void> {
  let log = ''
  await new Promise<void>((resolve, reject) => {
    server.stderr?.on('data', (text: Buffer) => {
      log += text
      if (log.includes('database system is ready to accept connections')) resolve()
    })
    server.once('error', reject)
    server.once('exit', (code) => reject(new Error(`postgres ended with ${code}: ${log}`)))
  })
  server.stderr?.removeAllListeners('data').resume()
}
