import { useEffect, useState } from 'preact/hooks'

/** A document of the server's, as it is now. */
export interface Seen<Document> {
  /** As it was read last; undefined until it was. */
  readonly document: Document | undefined
  /** The command that prints it. */
  readonly command: string
  /** Why it cannot be read now: then the document is as it was before. */
  readonly error: { readonly code: string; readonly message: string; readonly next: string | null } | undefined
}

const unseen = { document: undefined, command: '', error: undefined }
const seen = new Map<string, Seen<unknown>>()
const listeners = new Map<string, Set<() => void>>()
const connection = new EventTarget()
let source: EventSource | undefined
let listened = ''
let isAway = false

/** One connection for all that a page shows; none while nobody looks at it. */
function listen(): void {
  const paths = document.hidden ? [] : [...listeners.keys()].sort()
  const wanted = paths.map((path) => `of=${encodeURIComponent(path)}`).join('&')
  if (wanted === listened) return
  listened = wanted
  source?.close()
  source = undefined
  if (wanted === '') return
  source = new EventSource(`/api/events?${wanted}`)
  source.addEventListener('document', (event) => {
    const { path, command, document: read, error } = JSON.parse((event as MessageEvent<string>).data)
    seen.set(path, { document: error === undefined ? read : seen.get(path)?.document, command, error })
    for (const tell of listeners.get(path) ?? []) tell()
  })
  source.addEventListener('open', () => setAway(false))
  source.addEventListener('error', () => setAway(true))
}

function setAway(now: boolean): void {
  if (isAway === now) return
  isAway = now
  connection.dispatchEvent(new Event('change'))
}

let isAsked = false
function listenSoon(): void {
  if (isAsked) return
  isAsked = true
  // A page asks for several documents one after the other.
  setTimeout(() => {
    isAsked = false
    listen()
  }, 0)
}
document.addEventListener('visibilitychange', listenSoon)

/** A document that stays as new as the server knows it. @param path below `/api/` */
export function useDocument<Document>(path: string): Seen<Document> {
  const [, tell] = useState(0)
  useEffect(() => {
    const hear = (): void => tell((count) => count + 1)
    const all = listeners.get(path) ?? new Set()
    listeners.set(path, all.add(hear))
    listenSoon()
    return () => {
      all.delete(hear)
      if (all.size === 0) listeners.delete(path)
      listenSoon()
    }
  }, [path])
  return (seen.get(path) ?? unseen) as Seen<Document>
}

/** Whether the console's own server is away. */
export function useServerAway(): boolean {
  const [away, setIt] = useState(isAway)
  useEffect(() => {
    const look = (): void => setIt(isAway)
    connection.addEventListener('change', look)
    return () => connection.removeEventListener('change', look)
  }, [])
  return away
}
