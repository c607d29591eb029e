/** States, told by a shape and a word, not by a colour alone. */
const marks = {
  well: ['●', 'good'],
  busy: ['◐', 'now'],
  asks: ['◆', 'asks'],
  broken: ['✕', 'bad'],
  none: ['○', 'soft'],
} as const

export type Mark = keyof typeof marks

export function State({ mark, children }: { readonly mark: Mark; readonly children: string }) {
  const [sign, color] = marks[mark]
  return (
    <span class={`state ${color}`}>
      <span aria-hidden="true">{sign}</span> {children}
    </span>
  )
}

/** How a run, or a step of one, stands: red for what is broken, and nothing else. */
export function markOf(status: string): Mark {
  if (status === 'failed') return 'broken'
  if (['succeeded', 'done', 'reused', 'promoted', 'passed', 'on', 'kept'].includes(status)) return 'well'
  if (status === 'running') return 'busy'
  if (['not begun', 'waiting', 'cancelled', 'unknown'].includes(status)) return 'none'
  return 'asks'
}
