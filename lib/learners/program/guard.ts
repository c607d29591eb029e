import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { rm } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { childrenSeconds } from '../processor-time.ts'
import { sizeOfFolder } from './folder-size.ts'
import { type MetricDefinition, openLog } from './log.ts'
import { canListProcesses, endFamily, membersOf } from './processes.ts'

/*
 * A process that runs a program and outlives neither it nor whoever asked for it: it reads its order from its input,
 * which stays open; when that closes, whether a thread was ended or its process was killed, the program and all it
 * started are ended, and its files removed.
 */

/** Bounds of a program; those that are not there do not bound. */
export interface Limits {
  readonly timeoutMs?: number | undefined
  /** Processor time of each of its processes, milliseconds. */
  readonly processorMs?: number | undefined
  /** Resident memory of all its processes together, and what each of them may allocate. */
  readonly memoryBytes?: number | undefined
  /** Of the files that it adds to its folder. */
  readonly diskBytes?: number | undefined
}

/** What a guard runs. */
export interface GuardOrder {
  readonly command: readonly string[]
  readonly workingFolder: string
  /** The whole environment, with the mark. */
  readonly env: Readonly<Record<string, string>>
  readonly mark: string
  readonly log: { readonly file: string; readonly bytes: number; readonly metrics: readonly MetricDefinition[] }
  /** The folder whose size is bounded, and which is removed when nobody wants it any more. */
  readonly folder: string
  readonly limits: Limits
  readonly graceMs: number
}

/** How a program ended. */
export interface Ended {
  readonly exitCode: number | null
  readonly signal: string | null
  /** The limit that it reached. */
  readonly limit?: keyof Limits | undefined
  /** Why it could not be started. */
  readonly notStarted?: string | undefined
  /** Processes that it left behind, which were ended. */
  readonly leftBehind: number
  readonly metrics: Readonly<Record<string, number>>
  /** Processor time of the program and all it started, as far as the system tells. */
  readonly processorSeconds?: number | undefined
}

/** What a guard says, a line of JSON each. */
export type GuardMessage = { readonly group: number } | { readonly line: string } | { readonly ended: Ended }

/** How often limits are looked after, and how often the last line is told. */
const lookEveryMs = 500

let running: Promise<void> | undefined
let stop: ((why: keyof Limits | 'unwanted') => void) | undefined
let order: GuardOrder | undefined

const input = createInterface(process.stdin)
input.once('line', (line) => {
  order = JSON.parse(line) as GuardOrder
  running = run(order).then((ended) => {
    tell({ ended })
    input.close()
  })
})
process.stdin.once('end', async () => {
  // Nobody waits for the result, and nobody will read what is in the folder.
  stop?.('unwanted')
  await running
  if (order !== undefined) await rm(order.folder, { recursive: true, force: true, maxRetries: 10 })
  process.exit()
})
process.stdout.on('error', () => {})

function tell(message: GuardMessage): void {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}

async function run({ command, workingFolder, env, mark, log: kept, ...bounds }: GuardOrder): Promise<Ended> {
  const log = openLog(kept.file, kept.bytes, kept.metrics)
  const [file, ...args] = [...limitsOfProcess(bounds.limits, log.note), ...command]
  const child = spawn(file as string, args, {
    cwd: workingFolder,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const started = await new Promise<string | undefined>((resolve) => {
    child.once('spawn', () => resolve(undefined))
    child.once('error', (error) => resolve(error.message))
  })
  const nothing = { exitCode: null, signal: null, leftBehind: 0 }
  if (started !== undefined) return { ...nothing, notStarted: started, metrics: log.end() }

  const family = { group: child.pid as number, mark }
  tell({ group: family.group })
  child.stdout.on('data', (bytes: Buffer) => log.take('out', bytes))
  child.stderr.on('data', (bytes: Buffer) => log.take('err', bytes))
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const exited = new Promise<Pick<Ended, 'exitCode' | 'signal'>>((resolve) =>
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal })),
  )
  let limit: keyof Limits | 'unwanted' | undefined
  const stopped = new Promise<void>((resolve) => {
    stop = (why) => {
      limit ??= why
      resolve()
    }
  })
  const watch = watchLimits(bounds.folder, bounds.limits, family, (why) => stop?.(why))
  const telling = setInterval(() => {
    if (log.lastLine !== '') tell({ line: log.lastLine })
  }, lookEveryMs)
  await Promise.race([exited, stopped])
  watch.end()
  if (limit !== undefined) log.note(limit === 'unwanted' ? 'cancelled' : 'a limit was reached')
  const left = await endFamily(family, bounds.graceMs)
  const result = await exited
  clearInterval(telling)
  // What it has written already is read; a stream that somebody still holds is not waited for.
  await Promise.race([closed, sleep(2_000)])
  const leftBehind = limit === undefined ? left : 0
  if (leftBehind > 0) log.note(`${leftBehind} processes were left behind and ended`)
  if (limit === undefined && result.signal === 'SIGXCPU') limit = 'processorMs'
  if (limit === undefined && result.signal === 'SIGXFSZ') limit = 'diskBytes'
  const processorSeconds = childrenSeconds()
  return {
    ...result,
    leftBehind,
    metrics: log.end(),
    processorSeconds,
    ...(limit !== undefined && limit !== 'unwanted' && { limit }),
  }
}

/** What comes before a command so that the kernel bounds it, where there is a program for that. */
function limitsOfProcess(
  { processorMs, memoryBytes, diskBytes }: Limits,
  note: (text: string) => void,
): readonly string[] {
  const seconds = processorMs === undefined ? undefined : Math.ceil(processorMs / 1000)
  const limits = [
    '--core=0',
    ...(seconds === undefined ? [] : [`--cpu=${seconds}:${seconds + 5}`]),
    ...(memoryBytes === undefined ? [] : [`--data=${memoryBytes}`]),
    ...(diskBytes === undefined ? [] : [`--fsize=${diskBytes}`]),
  ]
  if (isInstalled('prlimit')) return ['prlimit', ...limits, '--']
  if (limits.length > 1) note('there is no prlimit here: the kernel bounds neither processor time, memory nor files')
  if (memoryBytes !== undefined && !canListProcesses) note('processes cannot be listed here: memory is not bounded')
  return []
}

function isInstalled(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** Looks after limits that the kernel does not keep for a whole program. Looking costs at most a tenth of the time. */
function watchLimits(
  folder: string,
  { timeoutMs, memoryBytes, diskBytes }: Limits,
  family: { readonly group: number; readonly mark: string },
  onReached: (limit: keyof Limits) => void,
): { end(): void } {
  let next: NodeJS.Timeout | undefined
  const started = performance.now()
  const sizeBefore = sizeOfFolder(folder)
  const look = async (): Promise<void> => {
    const begun = performance.now()
    if (timeoutMs !== undefined && begun - started >= timeoutMs) return onReached('timeoutMs')
    if (memoryBytes !== undefined) {
      const resident = membersOf(family).reduce((sum, member) => sum + member.resident, 0)
      if (resident > memoryBytes) return onReached('memoryBytes')
    }
    if (diskBytes !== undefined && (await sizeOfFolder(folder)) - (await sizeBefore) > diskBytes)
      return onReached('diskBytes')
    const pause = Math.max(lookEveryMs, 10 * (performance.now() - begun))
    const left = timeoutMs === undefined ? Number.POSITIVE_INFINITY : timeoutMs - (performance.now() - started)
    if (!isEnded) next = setTimeout(look, Math.max(0, Math.min(pause, left)))
  }
  let isEnded = false
  void look()
  return {
    end() {
      isEnded = true
      clearTimeout(next)
    },
  }
}
