import { execFileSync } from 'node:child_process'
import { packageRoot } from '../lib/code/host.ts'

/** Runs a program that measures something and prints what it found as JSON, in its last line. */
export function lastLine<T>(path: string, args: readonly string[]): T {
  const output = execFileSync(path, args, { encoding: 'utf8', cwd: packageRoot, stdio: ['ignore', 'pipe', 'ignore'] })
  return JSON.parse(output.trim().split('\n').at(-1) as string) as T
}

/** The same of a script of this folder, in a process of its own. */
export function script<T>(file: string, ...args: readonly string[]): T {
  return lastLine<T>(process.execPath, ['scripts/run.mjs', `bench/${file}`, ...args])
}
