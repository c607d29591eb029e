import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'

/** An id for a gateway of this process: machine, process and chance. */
export const newGatewayId = (): string => `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`

/** Whether a gateway of this machine still runs: its id names its process. */
export function isAliveHere(gateway: string): boolean {
  const pid = Number(/-(\d+)-[0-9a-f]{6}$/.exec(gateway)?.[1])
  if (!gateway.startsWith(`${hostname()}-`)) return false
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
