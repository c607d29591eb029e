import { useRef, useState } from 'preact/hooks'
import { ask, token } from '../token.ts'

export interface Action {
  /** Below `/api/`. */
  readonly path: string
  readonly label: string
  /** What it does, in a sentence, before it is done. */
  readonly means: string
  /** The command that does the same. */
  readonly command: string
  readonly isGrave?: boolean
  readonly isOff?: boolean
  /** What is sent besides the reason. */
  readonly body?: object
}

/** Buttons that change something: each says what it does, asks why, and for the token where this tab has none yet. */
export function Actions({ actions }: { readonly actions: readonly Action[] }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [chosen, choose] = useState<Action>()
  const [reason, setReason] = useState('')
  const [given, giveToken] = useState('')
  const [problem, setProblem] = useState('')
  const [isBusy, setBusy] = useState(false)
  const [done, setDone] = useState('')
  const [hasToken, setHasToken] = useState(token.get() !== '')
  const open = (action: Action): void => {
    choose(action)
    setProblem('')
    setDone('')
    setHasToken(token.get() !== '')
    dialog.current?.showModal()
  }
  const send = async (event: Event): Promise<void> => {
    event.preventDefault()
    if (chosen === undefined) return
    if (!hasToken) token.set(given)
    setBusy(true)
    const outcome = await ask(chosen.path, { ...chosen.body, reason })
    setBusy(false)
    setHasToken(token.get() !== '')
    if (outcome.problem !== undefined) return setProblem(outcome.problem)
    setReason('')
    giveToken('')
    setDone(`${chosen.label}: asked for.`)
    dialog.current?.close()
  }
  return (
    <div class="actions">
      {actions.map((action) => (
        <button
          key={action.label}
          type="button"
          class={action.isGrave === true ? 'grave' : ''}
          disabled={action.isOff === true}
          onClick={() => open(action)}
        >
          {action.label}
        </button>
      ))}
      <span class="soft" role="status">
        {done}
      </span>
      <dialog ref={dialog} aria-labelledby="act-title">
        <form onSubmit={(event) => void send(event)}>
          <h2 id="act-title">{chosen?.label}</h2>
          <p>{chosen?.means}</p>
          <label>
            Why, for the record
            <input
              value={reason}
              onInput={(event) => setReason(event.currentTarget.value)}
              maxLength={2000}
              name="reason"
            />
          </label>
          {!hasToken && (
            <label>
              Token, from <code>.slipway/console.token</code>
              <input
                type="password"
                name="token"
                required
                autoComplete="off"
                value={given}
                onInput={(event) => giveToken(event.currentTarget.value)}
              />
            </label>
          )}
          <p class="bad" role="alert">
            {problem}
          </p>
          <p class="soft">
            The same: <code>npx {chosen?.command}</code>
          </p>
          <div class="actions">
            <button type="submit" class={chosen?.isGrave === true ? 'grave' : 'first'} disabled={isBusy}>
              {chosen?.label}
            </button>
            <button type="button" onClick={() => dialog.current?.close()}>
              Leave it
            </button>
          </div>
        </form>
      </dialog>
    </div>
  )
}
