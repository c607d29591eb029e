import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Readable } from 'node:stream'

/**
 * Starts a process that cannot outlive us. A small shell holds the reading end of a pipe (3) and ends the process,
 * first politely, when the pipe closes: because we ask for it, or because we are gone, however that came about.
 */
const guard = `
umask "$1"
shift
"$@" 3<&- 4>&- </dev/null &
child=$!
echo $child >&4
exec 4>&-
( cat <&3 >/dev/null; kill -TERM $child 2>/dev/null; n=0
  while [ $n -lt 100 ] && kill -0 $child 2>/dev/null; do sleep 0.2; n=$((n+1)); done
  kill -KILL $child 2>/dev/null ) &
watcher=$!
wait $child
code=$?
kill $watcher 2>/dev/null
exit $code
`

export interface Child {
  readonly name: string
  /** Of the process itself, not of the shell around it. */
  readonly pid: number
  /** Resolves with the exit code when it has ended. */
  readonly ended: Promise<number>
  /** Asks it to end, and after twenty seconds makes it. */
  stop(): Promise<void>
}

export interface Command {
  readonly name: string
  readonly path: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** Where it works; our own by default. */
  readonly folder?: string
  readonly log: string
  /** Whether only its owner may read what it writes. */
  readonly isPrivate?: boolean
}

export async function startChild({ name, path, args, env, folder, log, isPrivate = false }: Command): Promise<Child> {
  mkdirSync(dirname(log), { recursive: true, mode: 0o700 })
  const output = openSync(log, 'a', 0o600)
  const umask = isPrivate ? '077' : process.umask().toString(8)
  // A process group of its own: Ctrl-C in a terminal reaches us only, and we end the children in order.
  const shell: ChildProcess = spawn('/bin/sh', ['-c', guard, 'slipway-guard', umask, path, ...args], {
    env,
    cwd: folder,
    detached: true,
    stdio: ['ignore', output, output, 'pipe', 'pipe'],
  })
  closeSync(output)
  const ended = new Promise<number>((resolve, reject) => {
    shell.once('error', reject)
    shell.once('exit', (code, signal) => resolve(code ?? (signal === null ? 1 : 128)))
  })
  const lifeline = shell.stdio[3] as NodeJS.WritableStream
  lifeline.on('error', () => {})
  let text = ''
  for await (const chunk of shell.stdio[4] as Readable) text += String(chunk)
  return {
    name,
    pid: Number(text.trim()),
    ended,
    async stop() {
      lifeline.end()
      await ended
    },
  }
}
