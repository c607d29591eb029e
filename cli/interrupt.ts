/** Whether the user pressed Ctrl-C since we began to listen. */
export interface Interrupt {
  readonly happened: boolean
  stopListening(): void
}

/** From here on Ctrl-C ends the waiting with a word about the run, not with silence. */
export function listenForInterrupt(): Interrupt {
  let happened = false
  const onInterrupt = (): void => {
    happened = true
  }
  process.once('SIGINT', onInterrupt)
  return {
    get happened() {
      return happened
    },
    stopListening: () => void process.removeListener('SIGINT', onInterrupt),
  }
}

/** The same, also ended by a clock. */
export const endedBy = (interrupt: Interrupt, clock: { readonly isOver: boolean }): Interrupt => ({
  get happened() {
    return interrupt.happened || clock.isOver
  },
  stopListening: interrupt.stopListening,
})
