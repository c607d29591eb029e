import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { mediaTypes } from '../lib/formats/artifact.ts'
import { canonicalJson } from '../lib/formats/canonical.ts'
import { machineFull } from '../lib/formats/machine-full.ts'
import { TelemetryWindow } from '../lib/formats/telemetry.ts'
import { readAs } from '../lib/store/broken.ts'
import { putBytes } from '../lib/store/objects.ts'
import { publishWindow } from '../lib/store/routes.ts'
import type { Store } from '../lib/store/store.ts'

/** Windows kept while the store is away; the oldest go first. With captured rows some 200 MB at most. */
const mostKept = 5_000

/** What a window has besides its counts, as files. */
export interface Attached {
  /** Parquet. */
  readonly capture?: Uint8Array | undefined
  /** JSON lines. */
  readonly labels?: Uint8Array | undefined
}

/**
 * Closed windows on their way to the store: on disk first, so that they survive this process and a store that is away.
 * A window is sent under its number, create-only: again after a lost answer, and still counted once.
 */
export interface Outbox {
  put(window: TelemetryWindow, attached: Attached): Promise<void>
  /** Sends what is here, oldest first, until the store does not answer. @returns whether all went */
  flush(): Promise<boolean>
  /** By endpoint: the number of the first window that is not in the store yet; all before are there, or lost. */
  next(endpoint: string): number
  /** Windows that wait, and those that were given up. */
  readonly waiting: number
  readonly lost: number
}

/**
 * Opens the outbox of a gateway below a folder that other gateways of this machine may use too. What a gateway left
 * that runs no more is sent by this one, under the name it had.
 * @param isAlive whether the gateway of that id and folder still runs
 */
export function openOutbox(
  store: Store,
  place: string,
  gateway: string,
  isAlive: (id: string, folder: string) => boolean,
): Outbox {
  const folder = join(place, gateway)
  mkdirSync(folder, { recursive: true })
  for (const other of readdirSync(place))
    if (other !== gateway && !isAlive(other, join(place, other))) moveAll(join(place, other), folder)
  // `<endpoint>~<gateway>~<seq>.json`
  let files = readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
  const numbered = new Map<string, number>()
  let lost = 0
  let flushing: Promise<boolean> | undefined

  const drop = async (file: string): Promise<void> => {
    files = files.filter((each) => each !== file)
    for (const each of [file, captureOf(file), labelsOf(file)]) await rm(join(folder, each), { force: true })
  }
  const send = async (): Promise<boolean> => {
    while (files.length > 0) {
      const [file] = files as [string]
      // One that a full disk or a crash cut off is lost, and must not keep the others.
      try {
        const window = readAs((await readIfThere(join(folder, file))) ?? new Uint8Array(), TelemetryWindow)
        if ('value' in window) {
          const attached = (name: string): Promise<Buffer | undefined> => readIfThere(join(folder, name))
          const [rows, lines] = [await attached(captureOf(file)), await attached(labelsOf(file))]
          const capture = rows === undefined ? null : await putBytes(store, rows, mediaTypes.parquet)
          const labels = lines === undefined ? null : await putBytes(store, lines, mediaTypes.ndjson)
          await publishWindow(store, { ...window.value, capture, labels })
        } else lost++
        await drop(file)
      } catch {
        return false
      }
    }
    return true
  }
  return {
    async put(window, { capture, labels }) {
      const file = `${window.endpoint}~${window.gateway}~${String(window.seq).padStart(10, '0')}.json`
      try {
        await mkdir(folder, { recursive: true })
        if (capture !== undefined) await writeFile(join(folder, captureOf(file)), capture)
        if (labels !== undefined) await writeFile(join(folder, labelsOf(file)), labels)
        await writeFile(join(folder, `${file}.new`), canonicalJson(window))
        await rename(join(folder, `${file}.new`), join(folder, file))
      } catch (error) {
        lost++
        await drop(`${file}.new`)
        await drop(file)
        throw machineFull(error, folder) ?? error
      }
      files.push(file)
      numbered.set(window.endpoint, window.seq + 1)
      while (files.length > mostKept) {
        lost++
        await drop(files[0] as string)
      }
    },
    flush() {
      flushing ??= send().finally(() => {
        flushing = undefined
      })
      return flushing
    },
    next(endpoint) {
      const first = files.find((file) => file.startsWith(`${endpoint}~${gateway}~`))
      return first === undefined ? (numbered.get(endpoint) ?? 0) : Number(/~(\d+)\.json$/.exec(first)?.[1])
    },
    get waiting() {
      return files.length
    },
    get lost() {
      return lost
    },
  }
}

/** What a file holds; undefined for none. One that a full machine cannot open now is there all the same. */
const readIfThere = (path: string): Promise<Buffer | undefined> =>
  readFile(path).catch((error) => {
    if (machineFull(error) !== undefined) throw error
    return undefined
  })

/** Moves the files of a folder into another one, and removes it. */
function moveAll(from: string, to: string): void {
  for (const file of readdirSync(from)) {
    const path = join(from, file)
    // Another gateway that starts now may be quicker.
    if (existsSync(path)) renameSync(path, join(to, file))
  }
  rmSync(from, { recursive: true, force: true })
}

const labelsOf = (file: string): string => file.replace(/\.json$/, '.ndjson')
const captureOf = (file: string): string => file.replace(/\.json$/, '.parquet')
