import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { builtFile } from '../../code/host.ts'
import type { Ended, GuardMessage, GuardOrder } from './guard.ts'
import { endFamily, markVariable } from './processes.ts'

/** How long a program that is asked to end is waited for before it is made to, milliseconds. */
const usualGraceMs = 10_000

/** A guard that waits for its order: begun ahead, it costs no time later. Who gives it none ends it. */
export function startGuard(): Guard {
  // A group of its own: Ctrl-C in a terminal reaches us only.
  const guard = spawn(process.execPath, [builtFile('program-guard')], {
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  guard.on('error', () => {})
  guard.stdin.on('error', () => {})
  return guard
}
export type Guard = ChildProcessByStdio<Writable, Readable, null>

/**
 * Runs a program under a guard, a process of its own that ends the program, all its children and its files when this
 * thread or this process is gone.
 * @param onLine hears the last line of its log, now and then
 */
export async function runGuarded(
  given: Omit<GuardOrder, 'mark' | 'graceMs'> & { readonly graceMs?: number | undefined },
  onLine: (line: string) => void,
  guard = startGuard(),
): Promise<Ended> {
  const mark = randomUUID()
  const order: GuardOrder = {
    ...given,
    mark,
    graceMs: given.graceMs ?? usualGraceMs,
    env: { ...given.env, [markVariable]: mark },
  }
  guard.stdin.write(`${JSON.stringify(order)}\n`)
  let ended: Ended | undefined
  let group = 0
  for await (const line of createInterface(guard.stdout)) {
    const message = JSON.parse(line) as GuardMessage
    if ('line' in message) onLine(message.line)
    else if ('group' in message) group = message.group
    else {
      ended = message.ended
      break
    }
  }
  guard.kill('SIGKILL')
  if (ended !== undefined) return ended
  // Somebody ended the guard: what it looked after is left to us.
  if (group > 0) await endFamily({ group, mark }, 0)
  throw new Error('the guard of the program was ended before the program was')
}
