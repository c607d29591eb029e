/** Whether the store answers; when that changes, the log says so. */
export interface StoreLink {
  readonly isReachable: boolean
  /** When it answered last. */
  readonly answeredAt: Date
  answered(): void
  failed(error: unknown): void
}

export function createStoreLink(note: (what: string) => void): StoreLink {
  let isReachable = true
  let answeredAt = Date.now()
  return {
    get isReachable() {
      return isReachable
    },
    get answeredAt() {
      return new Date(answeredAt)
    },
    answered() {
      answeredAt = Date.now()
      if (!isReachable) note('the store answers again')
      isReachable = true
    },
    failed(error) {
      if (isReachable) note(`the store is away, going on with what is here: ${(error as Error).message}`)
      isReachable = false
    },
  }
}
