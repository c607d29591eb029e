import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { Seen } from '../live.ts'

/** The head of a page: what it is, how it stands, and the commands that print what it shows. */
export function Head({
  title,
  above,
  sentence,
  seen = [],
  children,
}: {
  readonly title: ComponentChildren
  readonly above?: ComponentChildren
  readonly sentence?: ComponentChildren
  readonly seen?: readonly Seen<unknown>[]
  readonly children?: ComponentChildren
}) {
  const commands = [...new Set(seen.map(({ command }) => command).filter((command) => command !== ''))]
  return (
    <header class="head">
      {above !== undefined && <p class="above">{above}</p>}
      <h1>{title}</h1>
      {sentence !== undefined && <p class="sentence">{sentence}</p>}
      {children}
      {commands.length > 0 && (
        <p class="commands">
          {commands.map((command) => (
            <Command key={command} command={command} />
          ))}
        </p>
      )}
    </header>
  )
}

/** A command that can be taken along. */
export function Command({ command }: { readonly command: string }) {
  const [taken, setTaken] = useState(false)
  const take = (): void => {
    void navigator.clipboard?.writeText(command).then(() => {
      setTaken(true)
      setTimeout(() => setTaken(false), 1_500)
    })
  }
  return (
    <button type="button" class="command" onClick={take} title="Copy this command, which prints what is shown here">
      <code>{command}</code>
      <span aria-live="polite">{taken ? 'copied' : 'copy'}</span>
    </button>
  )
}

/** What a document shows, or that it is awaited, or why it is not there. */
export function Shown<Document>({
  of: { document: read, error },
  children,
}: {
  readonly of: Seen<Document>
  readonly children: (document: Document) => ComponentChildren
}) {
  return (
    <>
      {error !== undefined && (
        <div class={`note ${error.code.endsWith('UNREACHABLE') ? '' : 'bad'}`} role="status">
          <strong>{error.code}</strong> {error.message}
          {read !== undefined && ' What is shown is as it was before.'}
          {error.next !== null && <span class="soft"> Next: {error.next}</span>}
        </div>
      )}
      {read !== undefined ? children(read) : error === undefined && <Reading />}
    </>
  )
}

/** That something is awaited; after a moment what it may wait for. */
function Reading() {
  const [isLong, setLong] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setLong(true), 2_000)
    return () => clearTimeout(timer)
  }, [])
  return (
    <p class="soft reading" role="status">
      Reading…
      {isLong &&
        ' A worker, Temporal or the store takes its time to answer; the page goes on without what it does not hear.'}
    </p>
  )
}

export function Section({
  title,
  aside,
  children,
}: {
  readonly title: string
  readonly aside?: ComponentChildren
  readonly children: ComponentChildren
}) {
  return (
    <section>
      <h2>
        {title}
        {aside !== undefined && <span class="soft"> {aside}</span>}
      </h2>
      {children}
    </section>
  )
}

/** What is said where there is nothing yet, with the command that begins it. */
export function Empty({ children, command }: { readonly children: ComponentChildren; readonly command?: string }) {
  return (
    <div class="empty">
      <p>{children}</p>
      {command !== undefined && <Command command={command} />}
    </div>
  )
}
