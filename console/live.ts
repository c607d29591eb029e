import { type ErrorCode, SlipwayError } from '../lib/formats/errors.ts'

/** A document as pages get it, or why they do not. */
export type Answered =
  | { readonly path: string; readonly command: string; readonly document: unknown }
  | {
      readonly path: string
      readonly command: string
      readonly error: { readonly code: ErrorCode; readonly message: string; readonly next: string | null }
    }

type Listener = (text: string) => void

interface Watched {
  readonly listeners: Set<Listener>
  /** As it was told last. */
  told: string | undefined
}

/** Looks at documents for as long as somebody listens, one look for all who do. */
export interface Live {
  /** @returns what ends it */
  listen(path: string, listener: Listener): () => void
}

/**
 * @param read gives a document as it is now; it throws nothing
 * @param pauseMs between the end of a look at a document and the next one
 */
export function watchDocuments(read: (path: string) => Promise<Answered>, pauseMs: (path: string) => number): Live {
  const all = new Map<string, Watched>()
  const look = async (path: string, watched: Watched): Promise<void> => {
    while (watched.listeners.size > 0) {
      const text = JSON.stringify(await read(path))
      if (text !== watched.told) {
        watched.told = text
        for (const listener of watched.listeners) listener(text)
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs(path)))
    }
    if (all.get(path) === watched) all.delete(path)
  }
  return {
    listen(path, listener) {
      const known = all.get(path)
      const watched = known ?? { listeners: new Set<Listener>(), told: undefined }
      watched.listeners.add(listener)
      if (known === undefined) {
        all.set(path, watched)
        void look(path, watched)
      } else if (known.told !== undefined) listener(known.told)
      return () => void watched.listeners.delete(listener)
    },
  }
}

/** What went wrong with a read, as commands say it with `--json`. */
export function errorOf(error: unknown): { code: ErrorCode; message: string; next: string | null } {
  if (error instanceof SlipwayError) return { code: error.code, message: error.message, next: error.facts.next ?? null }
  return { code: 'INTERNAL', message: error instanceof Error ? error.message : String(error), next: null }
}
