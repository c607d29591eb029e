import { captureFile } from './capture.ts'
import type { Endpoint } from './endpoint.ts'
import type { LabelInbox } from './feedback.ts'
import type { Outbox } from './outbox.ts'

/** Closes the windows of endpoints, numbers them, and puts them on their way with the labels that came. */
export class WindowSender {
  private readonly gateway: string
  private readonly inbox: LabelInbox
  private readonly outbox: Outbox
  /** By endpoint: the number of its next window. */
  private readonly next = new Map<string, number>()

  /** @param gateway its id, under which windows are numbered */
  constructor(gateway: string, inbox: LabelInbox, outbox: Outbox) {
    this.gateway = gateway
    this.inbox = inbox
    this.outbox = outbox
  }

  /** Closes the windows of this interval. */
  async close(endpoints: readonly Endpoint[]): Promise<void> {
    for (const endpoint of endpoints) await this.closeOf(endpoint)
  }

  private async closeOf(endpoint: Endpoint): Promise<void> {
    const { name } = endpoint
    // Kept until there is a route to send them under.
    const labels = endpoint.route === undefined ? undefined : this.inbox.take(name)
    const closed = await endpoint.closeWindows(Date.now(), labels !== undefined)
    for (const [i, { captured, ...window }] of closed.entries()) {
      const seq = this.next.get(name) ?? 0
      this.next.set(name, seq + 1)
      const schema = endpoint.champion?.kind === 'rows' ? endpoint.champion.facts.inputs : []
      await this.outbox.put(
        { slipway: 'window/1', endpoint: name, gateway: this.gateway, seq, capture: null, labels: null, ...window },
        {
          capture: captured.length === 0 ? undefined : captureFile(captured, schema),
          labels: i === closed.length - 1 ? labels?.lines : undefined,
        },
      )
    }
    labels?.done()
  }
}
