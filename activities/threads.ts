import { Worker } from 'node:worker_threads'
import { builtFile } from '../lib/code/host.ts'
import type { JobCall } from './jobs.ts'

/*
 * Threads for jobs. One that has done its job waits a while for the next one of the same code, with what it has loaded:
 * a run does four jobs with one feature function, and a library such as danfojs takes seconds to load. Every job gets a
 * fresh instance of the user's code; what that might leave behind in its thread is met by nobody else's.
 */

/** Whose code a job runs. */
export interface JobCode {
  /** Jobs of the same owner may share a thread, one after the other; undefined shares with nobody. */
  readonly owner: string | undefined
  /** Packages that the user's code takes from its host; undefined where the job runs none. */
  readonly packages: readonly string[] | undefined
}

/**
 * How long a thread waits for its next job, and a fresh one for its first; how long all is quiet before one is started
 * ahead. Milliseconds.
 */
const idleMs = 20_000
const spareMs = 600_000
const quietMs = 1_500

const idle: { readonly thread: Worker; readonly owner: string }[] = []
/**
 * A fresh thread that has loaded what the last user code asked for: the first job of an edited function begins in it.
 */
let spare: Worker | undefined
let busy = 0

/** A thread that waits, or a new one. */
export function takeThread({ owner }: JobCode): Worker {
  busy++
  const at = owner === undefined ? -1 : idle.findIndex((each) => each.owner === owner)
  const thread = at >= 0 ? idle.splice(at, 1)[0]?.thread : takeSpare()
  thread?.ref()
  return thread ?? startThread()
}

/** A thread that ends while it waits, by something the user's code left behind in it, waits no more. */
function startThread(): Worker {
  const thread = new Worker(builtFile('job'))
  thread.on('error', () => {})
  thread.once('exit', () => withdraw(thread))
  return thread
}

/** Takes a thread out of those that wait. @returns whether it waited */
function withdraw(thread: Worker): boolean {
  if (spare === thread) {
    spare = undefined
    return true
  }
  const at = idle.findIndex((each) => each.thread === thread)
  return at >= 0 && idle.splice(at, 1).length > 0
}

/** Lets a thread that has done its job wait for another one, or ends it. @param isSound whether the job ended well */
export function putBack(thread: Worker, { owner, packages }: JobCode, isSound: boolean): void {
  busy--
  if (packages !== undefined) setTimeout(() => prepareSpare(packages), quietMs).unref()
  if (owner === undefined || !isSound) {
    void thread.terminate()
    return
  }
  idle.push({ thread, owner })
  thread.unref()
  // Without user code a thread is as good as a fresh one for any model.
  endAfter(packages === undefined ? spareMs : idleMs, thread)
}

function takeSpare(): Worker | undefined {
  const thread = spare
  spare = undefined
  return thread
}

function prepareSpare(packages: readonly string[]): void {
  if (busy > 0 || spare !== undefined) return
  const thread = startThread()
  thread.unref()
  thread.postMessage({ warm: packages } satisfies JobCall)
  spare = thread
  endAfter(spareMs, thread)
}

/** Ends a thread after a while unless somebody took it. */
function endAfter(ms: number, thread: Worker): void {
  setTimeout(() => {
    if (withdraw(thread)) void thread.terminate()
  }, ms).unref()
}
