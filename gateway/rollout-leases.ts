import { leaseMs } from '../lib/stats/rollout-lease.ts'
import { passOver } from '../lib/store/broken.ts'
import { readChangedLease } from '../lib/store/rollouts.ts'
import type { Store } from '../lib/store/store.ts'
import type { Endpoint } from './endpoint.ts'

export interface RolloutLeasesOptions {
  readonly store: Store
  endpoints(): readonly Endpoint[]
  note(what: string): void
  /** Milliseconds on a clock that only goes forwards. */
  now(): number
}

/** What is known of who watches a rollout. */
interface Watched {
  readonly rollout: string
  /** The look that was said last, and how long it is good for from when it was found here, ms. */
  readonly seq: number
  readonly foundAt: number
  readonly ms: number
  readonly etag: string | undefined
}

/** Has endpoints give a candidate nothing while nobody watches its rollout. */
export class RolloutLeases {
  private readonly options: RolloutLeasesOptions
  /** By endpoint. */
  private readonly watched = new Map<string, Watched>()

  constructor(options: RolloutLeasesOptions) {
    this.options = options
  }

  /** Looks who watches each rollout. @throws when the store does not answer: what was said last goes on to run out */
  async look(): Promise<void> {
    const looked = await Promise.allSettled(this.options.endpoints().map((endpoint) => this.lookAt(endpoint)))
    const failed = looked.find((each) => each.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  private async lookAt(endpoint: Endpoint): Promise<void> {
    const { name, route } = endpoint
    const { id, leased = false } = route?.rollout ?? {}
    if (id === undefined || !leased) {
      this.watched.delete(name)
      return
    }
    const { store, now } = this.options
    const known = this.watched.get(name)
    // One that begins here may be loaded before its first look.
    const before =
      known?.rollout === id ? known : { rollout: id, seq: -1, foundAt: now(), ms: leaseMs(0), etag: undefined }
    this.watched.set(name, before)
    try {
      const said = await passOver(readChangedLease(store, id, before.etag))
      // An older word, brought back by whoever may write there, counts for nothing.
      if (said !== undefined && said.value.rollout === id && said.value.seq > before.seq) {
        const { seq, ms } = said.value
        this.watched.set(name, { rollout: id, seq, ms, foundAt: now(), etag: said.etag })
      }
    } finally {
      this.decide(endpoint, this.watched.get(name) ?? before)
    }
  }

  private decide(endpoint: Endpoint, { rollout, foundAt, ms }: Watched): void {
    const silent = this.options.now() - foundAt
    const wasSuspended = endpoint.suspendedAt !== undefined
    endpoint.watch(rollout, silent < ms)
    const isSuspended = endpoint.suspendedAt !== undefined
    if (isSuspended === wasSuspended) return
    this.options.note(
      isSuspended
        ? `${endpoint.name}: rollout ${rollout} is suspended, for nobody has looked at it for ${Math.round(silent / 1000)} s: ` +
            'its candidate gets nothing until somebody does'
        : `${endpoint.name}: rollout ${rollout} is watched again and goes on`,
    )
  }
}
