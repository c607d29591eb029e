import { userInfo } from 'node:os'

/** Why something is asked for, and by whom: on record with what comes of it. */
export interface Said {
  readonly reason?: string | undefined
  /** Who asks; the user of this process by default. */
  readonly by?: string | undefined
}

/** Who asks and why, where that was said. */
export const saidBy = ({ by = userInfo().username, reason }: Said): { by: string; reason: string } => ({
  by,
  reason: reason === undefined || reason === '' ? 'no reason given' : reason,
})
