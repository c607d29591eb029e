import { readdirSync, readFileSync } from 'node:fs'

/** Everything that runs for this project: by the paths on their command lines, or in their environment. */
export function processesOf(root: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return (
          pid !== process.pid &&
          (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(root) ||
            readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`SLIPWAY_ROOT=${root}`))
        )
      } catch {
        return false
      }
    })
}
