import { createInterface } from 'node:readline'
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3'
import { type CapturedEvent, CaptureLine, eventOf } from '../../formats/sagemaker-capture.ts'
import { bodyOf } from '../../store/long-calls.ts'
import { isMissing, type Store, storeError } from '../../store/store.ts'

/*
 * Files of SageMaker's data capture. They are written minutes after the requests, in any order, a line more than once
 * perhaps; and what is in them is what clients sent. So everything is bounded, and what is not read is counted.
 */

/** Bytes a file, and a line, may have; requests have 25 MB at most, written as base64. */
const mostFileBytes = 256 * 1024 * 1024
const mostLine = 80 * 1024 * 1024
/** Bytes of requests and answers that are held at once. */
const mostHeld = 256 * 1024 * 1024
/** Files whose span is remembered, so that they are not read again and again. */
const mostKnown = 20_000
const hourMs = 3_600_000

/** A file as it is listed. */
export interface CaptureFile {
  readonly key: string
  readonly variant: string
  readonly size: number
  /** When it was written, by the store's clock, ms since 1970. */
  readonly writtenAt: number
  /** Of its folder, ms since 1970. */
  readonly hour: number
}

/** `yyyy/mm/dd/hh`, in UTC. */
export const hourFolder = (at: number): string => new Date(at).toISOString().slice(0, 13).replace(/[-T]/g, '/')

/** The files of some variants in folders of an hour and of those after it, oldest first. */
export async function listCaptureFiles(
  store: Store,
  folder: string,
  variants: readonly string[],
  since: number,
): Promise<CaptureFile[]> {
  const files: CaptureFile[] = []
  for (const variant of variants) {
    const prefix = `${folder}${variant}/`
    let token: string | undefined
    do {
      const command = new ListObjectsV2Command({
        Bucket: store.bucket,
        Prefix: prefix,
        // Names are in the order of time.
        StartAfter: `${prefix}${hourFolder(since)}`,
        ContinuationToken: token,
      })
      const page = await store.client.send(command).catch((error) => {
        throw storeError(store, error, prefix)
      })
      for (const { Key = '', Size = 0, LastModified } of page.Contents ?? []) {
        const named = /^(\d{4})\/(\d{2})\/(\d{2})\/(\d{2})\/[^/]+\.jsonl$/.exec(Key.slice(prefix.length))
        if (named === null || LastModified === undefined) continue
        const [, year, month, day, hour] = named.map(Number) as [number, number, number, number, number]
        const at = Date.UTC(year, month - 1, day, hour)
        files.push({ key: Key, variant, size: Size, writtenAt: LastModified.getTime(), hour: at })
      }
      token = page.NextContinuationToken
    } while (token !== undefined)
  }
  return files.sort((a, b) => a.hour - b.hour || (a.key < b.key ? -1 : 1))
}

/** What a file was found to hold: the first and the last time of its requests, ms since 1970. */
interface Span {
  readonly from: number
  readonly to: number
}
export type KnownSpans = Map<string, Span>

/** Which requests are looked for. */
export interface CaptureQuery {
  /** Ms since 1970, the end not included. */
  readonly from: number
  readonly to: number
  /** Requests before `from` in files written after this were not there for earlier windows. */
  readonly readUpTo: number
}

/** A request as it was written down, once or more often. */
export interface Captured extends CapturedEvent {
  readonly variant: string
  /** Copies of it besides this one. */
  readonly repeats: number
}

/** Requests of an interval. */
export interface CaptureReading {
  readonly events: readonly Captured[]
  /** Times of requests that there was no room for, ms since 1970. */
  readonly dropped: readonly number[]
  /** Lines and files that cannot be read, of files written since `readUpTo`. */
  readonly unreadable: number
  /** Requests from before the interval, of files written since `readUpTo`; copies of such as were in time included. */
  readonly late: number
}

/** Reads the requests of an interval from files that were there by then. */
export async function readCaptureFiles(
  store: Store,
  files: readonly CaptureFile[],
  known: KnownSpans,
  { from, to, readUpTo }: CaptureQuery,
): Promise<CaptureReading> {
  const events = new Map<string, Captured>()
  const lateIds = new Set<string>()
  const dropped: number[] = []
  let [unreadable, held] = [0, 0]
  for (const file of files) {
    const isNew = file.writtenAt > readUpTo
    const span = known.get(file.key)
    // Requests lie in the folder of their hour, or in the one after it.
    const isNear =
      span === undefined ? file.hour < to && file.hour + 2 * hourMs > from : span.from < to && span.to >= from
    if (!isNear && !isNew) continue
    if (file.size > mostFileBytes) {
      if (isNew) unreadable++
      continue
    }
    let found: Span = { from: Number.POSITIVE_INFINITY, to: Number.NEGATIVE_INFINITY }
    for await (const line of linesOf(store, file)) {
      const event = line === undefined ? undefined : parsed(line)
      if (event === undefined) {
        if (isNew) unreadable++
        continue
      }
      found = { from: Math.min(found.from, event.at), to: Math.max(found.to, event.at) }
      if (event.at < from && isNew) lateIds.add(event.id)
      if (event.at < from || event.at >= to) continue
      // A shadow may have the id of the request that it was sent.
      const id = `${file.variant} ${event.id}`
      const there = events.get(id)
      if (there !== undefined) events.set(id, { ...there, repeats: there.repeats + 1 })
      else if (held + sizeOf(event) > mostHeld) dropped.push(event.at)
      else {
        held += sizeOf(event)
        events.set(id, { ...event, variant: file.variant, repeats: 0 })
      }
    }
    known.set(file.key, found)
    if (known.size > mostKnown) known.delete(known.keys().next().value as string)
  }
  const sorted = [...events.values()].sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
  return { events: sorted, dropped, unreadable, late: lateIds.size }
}

const sizeOf = ({ input, output }: CapturedEvent): number => input.body.length + output.body.length + 500

/** The lines of a file; undefined for one that is too long. One that is gone by now has none. */
async function* linesOf(store: Store, { key }: CaptureFile): AsyncGenerator<string | undefined> {
  const answer = await store.client.send(new GetObjectCommand({ Bucket: store.bucket, Key: key })).catch((error) => {
    if (isMissing(error)) return undefined
    throw storeError(store, error, key)
  })
  if (answer?.Body === undefined) return
  try {
    const lines = createInterface({ input: bodyOf(answer), crlfDelay: Number.POSITIVE_INFINITY })
    for await (const line of lines) if (line.trim() !== '') yield line.length > mostLine ? undefined : line
  } catch (error) {
    throw storeError(store, error, key)
  }
}

function parsed(line: string): CapturedEvent | undefined {
  try {
    const read = CaptureLine.safeParse(JSON.parse(line))
    return read.success ? eventOf(read.data) : undefined
  } catch {
    return undefined
  }
}
