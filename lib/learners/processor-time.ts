import { readFileSync } from 'node:fs'

/**
 * Processor time that this thread has taken so far, seconds; undefined where the system does not tell. Linux keeps it
 * in nanoseconds, first in the file (kernel documentation, sched-stats: `/proc/<pid>/schedstat`).
 */
export function threadSeconds(): number | undefined {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0]) / 1e9
  } catch {
    return undefined
  }
}

/**
 * Processor time of all that this process has started and seen end, seconds; undefined where the system does not tell.
 * Linux: fields 16 and 17 of `/proc/self/stat` (proc(5)), in hundredths of a second.
 */
export function childrenSeconds(): number | undefined {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8')
    // The second field, the name, may hold blanks and brackets; what follows begins with the third.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[13]) + Number(fields[14])) / 100
  } catch {
    return undefined
  }
}
