import { existsSync, readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { ConnectionOptions } from 'node:tls'
import pg, { type Client } from 'pg'
import { SlipwayError } from '../../formats/errors.ts'
import type { PostgresAddress, SslMode } from './address.ts'
import { postgresError } from './errors.ts'
import { passwordFor } from './password.ts'

/** The ways to connect, in the order they are tried in: without TLS, or with it. */
const attempts: Record<SslMode, readonly ('plain' | 'tls')[]> = {
  disable: ['plain'],
  allow: ['plain', 'tls'],
  prefer: ['tls', 'plain'],
  require: ['tls'],
  'verify-ca': ['tls'],
  'verify-full': ['tls'],
}

/**
 * Connects as libpq would.
 * @param silence ms without a byte from the server after which it counts as gone, while an answer is awaited
 * @throws SlipwayError STORE_UNREACHABLE, STORE_DENIED, SOURCE_MISSING, DEFINITION_INVALID
 */
export async function connect(address: PostgresAddress, silence: number): Promise<Client> {
  const ways = attempts[address.sslMode]
  for (const [i, way] of ways.entries()) {
    const client = new pg.Client({
      host: address.host,
      port: address.port,
      user: address.user,
      database: address.database,
      // A function keeps the driver from looking for one itself.
      password: () => passwordFor(address, process.env) as string,
      ssl: way === 'tls' ? tlsOptions(address) : false,
      fallback_application_name: 'slipway',
      keepAlive: true,
      connectionTimeoutMillis: Math.min(silence, 30_000),
    })
    // What ends a connection ends the query that waits on it too, which is where it is told.
    client.on('error', () => {})
    try {
      await client.connect()
      const stream = client.connection.stream as Socket
      stream.setTimeout(silence, () => stream.destroy(new Error(`it has sent nothing for ${silence / 1000} s`)))
      return client
    } catch (error) {
      await client.end().catch(() => {})
      if (i + 1 < ways.length && mayHelp(error as Error & { code?: string })) continue
      throw postgresError(address, error)
    }
  }
  throw new Error('no way to connect')
}

/** Whether the other way may do: the server speaks no TLS, cannot agree on it, or takes nobody without it. */
function mayHelp({ code, message }: Error & { code?: string }): boolean {
  return code === '28000' || /SSL|TLS/i.test(message) || code?.startsWith('ERR_SSL') === true
}

function tlsOptions({ sslMode, rootCertificates }: PostgresAddress): ConnectionOptions {
  const folder = join(homedir(), '.postgresql')
  const trusted = rootCertificates ?? join(folder, 'root.crt')
  const isThere = trusted === 'system' || existsSync(trusted)
  const verifies = sslMode.startsWith('verify-')
  if ((verifies || rootCertificates !== undefined) && !isThere)
    throw new SlipwayError('DEFINITION_INVALID', `the certificates to trust are not there: ${trusted}`, {
      next: 'name them by sslrootcert or PGSSLROOTCERT; "system" takes those that come with Node',
    })
  const own = {
    cert: process.env.PGSSLCERT ?? join(folder, 'postgresql.crt'),
    key: process.env.PGSSLKEY ?? join(folder, 'postgresql.key'),
  }
  return {
    ...(isThere && trusted !== 'system' ? { ca: readFileSync(trusted) } : {}),
    ...(existsSync(own.cert) && existsSync(own.key)
      ? { cert: readFileSync(own.cert), key: readFileSync(own.key) }
      : {}),
    // libpq checks the certificate of `require` where it has something to check it by.
    rejectUnauthorized: verifies || (sslMode === 'require' && isThere),
    ...(sslMode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
  }
}
