import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { SlipwayError } from '../formats/errors.ts'
import type { FoundFile } from './source.ts'

/** How often in a row a file is asked for without getting on. */
const attempts = 4
/** What counts as getting on, bytes: with a few at a time it would never end. */
const enoughBytes = 1 << 20
/** The pause before the second time, ms; it doubles. */
const pauseMs = 100

/**
 * The bytes of a file from elsewhere: where the connection breaks, it is asked for the rest, several times. They are as
 * many as were found, or the stream fails.
 * @param openAt opens the file from a byte on
 * @param cut what the stream fails with when it is cut again and again, SOURCE_UNREADABLE if nothing is said
 * @throws SlipwayError what `openAt` throws; the stream fails with SOURCE_CHANGED when it is longer than it was
 */
export async function resuming(
  file: FoundFile,
  openAt: (from: number) => Promise<Readable>,
  cut: CutError = ofElsewhere,
): Promise<Readable> {
  const first = await tried(file, 0, () => openAt(0), cut)
  return Readable.from(bytesOf(file, first, openAt, cut), { objectMode: false })
}

async function* bytesOf(
  file: FoundFile,
  first: Readable,
  openAt: (from: number) => Promise<Readable>,
  cut: CutError,
): AsyncGenerator<Buffer> {
  let stream: Readable | undefined = first
  let [at, failures] = [0, 0]
  for (;;) {
    const from = at
    let why = 'it ended too soon'
    stream ??= await tried(file, at, () => openAt(from), cut)
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        at += chunk.length
        if (file.size !== null && at > file.size) throw longer(file)
        yield chunk
      }
      if (file.size === null || at === file.size) return
    } catch (error) {
      if (error instanceof SlipwayError) throw error
      why = causeOf(error)
    }
    failures = at - from >= enoughBytes ? 0 : failures + 1
    if (failures >= attempts) throw cut(file, at, why)
    stream = undefined
    await pause(pauseMs)
  }
}

/** Opens, again and again while that may help. */
async function tried(file: FoundFile, at: number, open: () => Promise<Readable>, cut: CutError): Promise<Readable> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await open()
    } catch (error) {
      const isFinal = error instanceof SlipwayError && !error.retryable
      if (isFinal || attempt === attempts) throw error instanceof SlipwayError ? error : cut(file, at, causeOf(error))
      await pause(pauseMs * 2 ** (attempt - 1))
    }
  }
}

/** What broke a connection, in a few words: `fetch` hides it behind "terminated". */
export function causeOf(error: unknown): string {
  const { message, cause } = error as { message?: string; cause?: { message?: string } }
  return cause?.message ?? message ?? String(error)
}

/** What a file ends with that is cut again and again: of the store's own server that passes, of others it need not. */
type CutError = (file: FoundFile, at: number, why: string) => SlipwayError

const cutBy =
  (code: 'SOURCE_UNREADABLE' | 'STORE_UNREACHABLE'): CutError =>
  ({ name, size }, at, why) =>
    new SlipwayError(
      code,
      `${name} was cut ${attempts} times in a row, behind ${at}${size === null ? '' : ` of ${size}`} bytes: ${why}`,
      { next: 'check the connection, and whether the file is whole where it lies' },
    )

const ofElsewhere = cutBy('SOURCE_UNREADABLE')
export const ofStore = cutBy('STORE_UNREACHABLE')

const longer = ({ name, size }: FoundFile): SlipwayError =>
  new SlipwayError('SOURCE_CHANGED', `${name} sends more than the ${size} bytes it had when it was found`, {
    next: 'the same again, when nobody writes to it',
  })
