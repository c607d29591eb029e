import pg from 'pg'
import { type ErrorCode, SlipwayError } from '../../formats/errors.ts'
import type { PostgresAddress } from './address.ts'

const { DatabaseError } = pg

const passwordPlaces =
  'check the user; the password comes from PGPASSWORD, PGPASSFILE or ~/.pgpass, which only its owner may read'

/**
 * What SQLSTATEs are to us, by their beginning, the first that fits; every other one says that what was asked is wrong.
 */
const codes: readonly (readonly [string, ErrorCode, string])[] = [
  ['28', 'STORE_DENIED', passwordPlaces],
  ['42501', 'STORE_DENIED', 'let the user read it: GRANT SELECT'],
  ['3D000', 'SOURCE_MISSING', 'check the name of the database'],
  ['42P01', 'SOURCE_MISSING', 'check the name of the table, and its schema'],
  ['25006', 'SOURCE_UNREADABLE', 'a source only reads: write a query that changes nothing'],
  ['57014', 'SOURCE_UNREADABLE', 'read less at once, or raise statement_timeout for the user'],
  ['57P', 'STORE_UNREACHABLE', 'try again when the server is up'],
  ['53', 'STORE_UNREACHABLE', 'try again when the server has room'],
  ['08', 'STORE_UNREACHABLE', 'check the server, then try again'],
  ['40', 'STORE_UNREACHABLE', 'try again: a standby gave up the snapshot'],
]

/** How the driver, which gives its own errors no code, says that there is no connection, or none any more. */
const unconnected = /^Connection terminated|^timeout expired|^it has sent nothing|SSL connection|not queryable/

/**
 * What went wrong with a server, in the words of the product; errors that are not about it are given back as they are.
 * No secret is in it: neither addresses nor servers' messages have one.
 */
export function postgresError({ host, port }: PostgresAddress, cause: unknown): unknown {
  if (cause instanceof SlipwayError || !(cause instanceof Error)) return cause
  const { code, message, hint, position } = cause as Error & { code?: string; hint?: string; position?: string }
  const place = `Postgres at ${host}:${port}`
  if (cause instanceof DatabaseError) {
    const found = codes.find(([begins]) => code?.startsWith(begins))
    const [, known, next] = found ?? ['', 'SOURCE_UNREADABLE' as const, hint ?? 'correct the query']
    const where = position === undefined ? '' : ` (at character ${position})`
    const answers = `${place} answers: ${message}${where}`
    // What a server says of data quotes it.
    if (!/^2[23]/.test(code ?? '')) return new SlipwayError(known, answers, { next, sqlState: code }, { cause })
    const plain = `${place} answers that a value does not fit (SQLSTATE ${code})${where}`
    return new SlipwayError(known, plain, { next, sqlState: code, inFull: answers })
  }
  if (/client password/.test(message))
    return new SlipwayError('STORE_DENIED', `${place} asks for a password, and there is none`, { next: passwordPlaces })
  if (code === undefined && !unconnected.test(message)) return cause
  const next = 'check the address, sslmode and the server, then try again'
  return new SlipwayError('STORE_UNREACHABLE', `${place} cannot be reached: ${message || code}`, { next }, { cause })
}
