import { readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { PostgresAddress } from './address.ts'

/**
 * The password for a server, from where libpq looks for it: the service, PGPASSWORD, the file of PGPASSFILE or
 * `~/.pgpass`. The driver's own way to that file ends with its next version.
 * @returns undefined where there is none, or the file may be read by others
 */
export function passwordFor(address: PostgresAddress, env: NodeJS.ProcessEnv): string | undefined {
  if (address.password !== undefined) return address.password
  if (env.PGPASSWORD !== undefined) return env.PGPASSWORD
  const wanted = [address.host, String(address.port), address.database, address.user]
  for (const line of linesOf(env.PGPASSFILE ?? join(homedir(), '.pgpass'))) {
    const [password, ...fields] = fieldsOf(line).reverse()
    if (fields.length !== wanted.length) continue
    if (fields.reverse().every((field, i) => field === '*' || unescaped(field) === wanted[i]))
      return unescaped(password)
  }
  return undefined
}

function linesOf(file: string): string[] {
  try {
    // As libpq, which passes over a file that its owner's group or others may open.
    if (process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0) return []
    return readFileSync(file, 'utf8')
      .split(/\r?\n/)
      .filter((line) => line !== '' && !line.startsWith('#'))
  } catch {
    return []
  }
}

/** Four fields and the rest of the line; a colon or backslash in one is written with a backslash before it. */
const fieldsOf = (line: string): string[] =>
  line.match(/^((?:\\.|[^:\\])*):((?:\\.|[^:\\])*):((?:\\.|[^:\\])*):((?:\\.|[^:\\])*):(.*)$/)?.slice(1) ?? []
const unescaped = (field = ''): string => field.replace(/\\(.)/g, '$1')
