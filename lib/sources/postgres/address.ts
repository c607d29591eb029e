import { readFileSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import { join } from 'node:path'
import { SlipwayError } from '../../formats/errors.ts'

/** How TLS is used, as libpq's `sslmode` says it. */
export const sslModes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
export type SslMode = (typeof sslModes)[number]

/** An address of a table or a query, with what the environment adds to it. */
export interface PostgresAddress {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly database: string
  /** From a service file; `passwordFor` knows the other places. */
  readonly password: string | undefined
  readonly sslMode: SslMode
  /** Path of the certificates that are trusted, `system` for those of Node; undefined where none is named. */
  readonly rootCertificates: string | undefined
  readonly reads: { readonly table: string } | { readonly query: string }
}

const parameters = ['table', 'query', 'sslmode', 'sslrootcert'] as const
const shape = /^postgres(?:ql)?:\/\/(?:([^@/?]*)@)?([^/?]*)(?:\/([^?]*))?(?:\?([\s\S]*))?$/i

/**
 * Reads an address: `postgres://user@host:5432/database?table=schema.name`, or `?query=select …`. What it leaves out
 * comes from PGHOST, PGPORT, PGUSER, PGDATABASE, PGSSLMODE, PGSSLROOTCERT and the service of PGSERVICE, as libpq has
 * it.
 * @throws SlipwayError DEFINITION_INVALID
 */
export function parseAddress(uri: string, env: NodeJS.ProcessEnv): PostgresAddress {
  const [, user, place, database, rest] = shape.exec(uri) ?? refuse('it is no address of Postgres')
  if (user?.includes(':') === true)
    throw new SlipwayError(
      'DEFINITION_INVALID',
      'an address of postgres:// holds a password, and addresses are stored',
      {
        next: 'take it out, and set PGPASSWORD or write it to ~/.pgpass',
      },
    )
  const found = parametersOf(rest ?? '')
  const service = serviceOf(env)
  const [host, port] = hostAndPort(place ?? '')
  const sslMode = found.get('sslmode') ?? service.get('sslmode') ?? env.PGSSLMODE ?? 'prefer'
  if (!isSslMode(sslMode)) return refuse(`sslmode is one of ${sslModes.join(', ')}`)
  const name = decoded(user ?? '') || service.get('user') || env.PGUSER || userInfo().username
  return {
    host: host || service.get('host') || env.PGHOST || 'localhost',
    port: Number(port || service.get('port') || env.PGPORT || 5432),
    user: name,
    database: decoded(database ?? '') || service.get('dbname') || env.PGDATABASE || name,
    password: service.get('password'),
    sslMode,
    rootCertificates: found.get('sslrootcert') ?? service.get('sslrootcert') ?? env.PGSSLROOTCERT,
    reads: readsOf(found),
  }
}

/** The address as it is stored and shown: what is read, and where, without what only says how to get there. */
export function plainAddress({ host, port, user, database, reads }: PostgresAddress): string {
  const what = 'table' in reads ? `table=${reads.table}` : `query=${reads.query}`
  return `postgres://${user}@${host.includes('/') ? encodeURIComponent(host) : host}:${port}/${database}?${what}`
}

function refuse(why: string): never {
  throw new SlipwayError('DEFINITION_INVALID', `an address of postgres:// cannot be read: ${why}`, {
    next: 'write postgres://user@host:5432/database?table=schema.name or ?query=select …',
  })
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return refuse(`"%" begins no escape in "${text}"; a percent sign itself is written %25`)
  }
}

/** By hand: `URLSearchParams` takes `+` for a space, and `URL` leaves out the line ends of a query. */
function parametersOf(text: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const part of text.split('&').filter((each) => each !== '')) {
    const name = part.slice(0, Math.max(0, part.indexOf('='))).toLowerCase()
    if (!(parameters as readonly string[]).includes(name))
      return refuse(`it takes ${parameters.join(', ')}, not "${name || part}"; "&" in a query is written %26`)
    if (found.has(name)) return refuse(`it says "${name}" twice`)
    found.set(name, decoded(part.slice(name.length + 1)))
  }
  return found
}

function readsOf(found: ReadonlyMap<string, string>): PostgresAddress['reads'] {
  const [table, query] = [found.get('table')?.trim() ?? '', found.get('query')?.trim() ?? '']
  if ((table === '') === (query === '')) return refuse('it says either which table to read or which query')
  return table === '' ? { query: query.replace(/(\s*;)+$/, '') } : { table }
}

function hostAndPort(place: string): [string, string] {
  const [, host = '', port = ''] = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(place) ?? refuse(`"${place}" is no host`)
  return [decoded(host.replace(/^\[|\]$/g, '')), port]
}

const isSslMode = (mode: string): mode is SslMode => (sslModes as readonly string[]).includes(mode)

/** What the service file says of the service that PGSERVICE names. */
function serviceOf({ PGSERVICE: service, PGSERVICEFILE: given }: NodeJS.ProcessEnv): Map<string, string> {
  const found = new Map<string, string>()
  if (service === undefined) return found
  const file = given ?? join(homedir(), '.pg_service.conf')
  let lines: string[]
  try {
    lines = readFileSync(file, 'utf8').split(/\r?\n/)
  } catch {
    return refuse(`PGSERVICE is set, and its file ${file} cannot be read`)
  }
  const from = lines.indexOf(`[${service}]`)
  if (from < 0) return refuse(`${file} has no service "${service}"`)
  for (const line of lines.slice(from + 1)) {
    if (line.startsWith('[')) break
    const [, key, value] = /^\s*([a-z_]+)\s*=(.*)$/.exec(line) ?? []
    if (key !== undefined) found.set(key, value?.trim() ?? '')
  }
  return found
}
