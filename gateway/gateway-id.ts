import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { isAlive } from '../lib/store/is-alive.ts'

/** An id for a gateway of this process: machine, process and chance. */
export const newGatewayId = (): string => `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`

/**
 * Whether a gateway of this machine still runs: its id names its process.
 * @param folder that it made
 */
export function isAliveHere(gateway: string, folder: string): boolean {
  const pid = Number(/-(\d+)-[0-9a-f]{6}$/.exec(gateway)?.[1])
  return gateway.startsWith(`${hostname()}-`) && isAlive(pid, folder)
}
