import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** The variable whose value marks the processes of one program: children inherit it, wherever they go. */
export const markVariable = 'SLIPWAY_PROGRAM'

/** How a program's processes are told from others. */
export interface Family {
  /** The process group that it was started in. */
  readonly group: number
  /** The value of `markVariable` in its environment. */
  readonly mark: string
}

interface Member {
  readonly pid: number
  /** Bytes. */
  readonly resident: number
}

/** Whether processes can be listed here: where not, a group can only be asked whether it is there. */
export const canListProcesses: boolean = process.platform === 'linux'

/**
 * The processes that belong to a program: those of its group, and those that left it but carry its mark. Zombies do not
 * count.
 */
export function membersOf({ group, mark }: Family): Member[] {
  if (!canListProcesses) return isThere(-group) ? [{ pid: -group, resident: 0 }] : []
  const marked = `${markVariable}=${mark}`
  return readdirSync('/proc').flatMap((name) => {
    const pid = Number(name)
    if (!Number.isInteger(pid) || pid === process.pid) return []
    const stat = fileOf(pid, 'stat')
    // The name of the program, in brackets, may hold anything.
    const [state, , itsGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (state === undefined || state === 'Z' || state === 'X') return []
    if (Number(itsGroup) !== group && !fileOf(pid, 'environ').split('\0').includes(marked)) return []
    const kilobytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(fileOf(pid, 'status'))?.[1] ?? 0)
    return [{ pid, resident: kilobytes * 1024 }]
  })
}

/**
 * Ends all processes of a program: asks them, waits, and then makes them. Those that are started meanwhile are ended
 * too.
 * @param graceMs how long they are waited for before they are made to
 * @returns how many there were
 */
export async function endFamily(family: Family, graceMs: number): Promise<number> {
  const found = membersOf(family).length
  if (found === 0) return 0
  signalAll(family, 'SIGTERM')
  const until = performance.now() + graceMs
  while (performance.now() < until) {
    if (membersOf(family).length === 0) return found
    await sleep(50)
  }
  for (let attempt = 0; attempt < 100 && membersOf(family).length > 0; attempt++) {
    signalAll(family, 'SIGKILL')
    await sleep(50)
  }
  return found
}

function signalAll(family: Family, signal: NodeJS.Signals): void {
  send(-family.group, signal)
  for (const { pid } of membersOf(family)) send(pid, signal)
}

function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal)
    return true
  } catch {
    // It has ended.
    return false
  }
}

const isThere = (pid: number): boolean => send(pid, 0)

/** A file that the kernel shows of a process; empty where it has ended or is another user's. */
function fileOf(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1')
  } catch {
    return ''
  }
}
