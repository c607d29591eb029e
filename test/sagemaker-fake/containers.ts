import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { createInterface } from 'node:readline'

/** A container, as processes of this machine that see their own `/opt/ml`. */
export interface Container {
  /** Its exit code; null where it was killed. */
  readonly ended: Promise<number | null>
  /** Asks it to end, and makes it after a while. */
  stop(graceMs: number): Promise<void>
}

export interface ContainerOrder {
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** What its `/opt/ml` is. */
  readonly root: string
  readonly onLine: (line: string) => void
}

const running = new Set<ChildProcess>()

/** How many containers run. */
export const containersRunning = (): number => running.size

/** Why containers cannot be run here, where that is so: they need root and mount namespaces. */
export function whyNoContainers(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root may mount a folder at /opt/ml'
  try {
    execFileSync('unshare', ['--mount', '--pid', '--fork', 'true'], { stdio: 'ignore' })
    return undefined
  } catch {
    return 'there are no mount namespaces here (unshare)'
  }
}

/**
 * Binds the folder, runs the command, hands SIGTERM on to it, and ends as it ends. Where our script copies a program to
 * is the container's own too: others run beside it.
 */
const asFirstProcess = `mount --bind "$0" /opt/ml && cd /opt/ml || exit 125
mkdir -p /tmp/slipway && mount -t tmpfs tmpfs /tmp/slipway || exit 125
"$@" &
child=$!
trap 'kill -TERM $child' TERM
wait $child
code=$?
while kill -0 $child 2>/dev/null; do wait $child; code=$?; done
exit $code`

/**
 * Runs a command in a mount namespace of its own where its folder is bound to `/opt/ml`, as the first process of a
 * process namespace: what it started ends with it.
 */
export function runContainer({ command, env, root, onLine }: ContainerOrder): Container {
  mkdirSync('/opt/ml', { recursive: true })
  const child = spawn(
    'unshare',
    [
      ...['--mount', '--pid', '--fork', '--kill-child=SIGKILL', '--mount-proc', '--'],
      ...['sh', '-c', asFirstProcess, root],
      ...command,
    ],
    { env: { PATH: process.env.PATH ?? '', HOME: '/tmp', ...env }, stdio: ['ignore', 'pipe', 'pipe'], detached: true },
  )
  for (const stream of [child.stdout, child.stderr]) createInterface(stream).on('line', onLine)
  running.add(child)
  const ended = new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(127))
    child.once('close', (code) => resolve(code))
  }).finally(() => running.delete(child))
  return {
    ended,
    async stop(graceMs) {
      signalGroup(child, 'SIGTERM')
      const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), graceMs)
      await ended
      clearTimeout(timer)
    },
  }
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch {
    // It has ended.
  }
}
