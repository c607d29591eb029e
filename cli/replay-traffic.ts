import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientContext } from '../client/context.ts'
import { type Answer, gatewayAddress, gatewayClient } from '../client/gateway-client.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { Stretch } from './replay.ts'
import { bodiesOfOneRow, sendTraffic } from './traffic.ts'

/** How the past is sent. */
const pace = {
  /** Requests a second. */
  rate: 600,
  /** Requests under way at once: so few no gateway refuses for their number. */
  underWay: 8,
  /** What a gateway refuses because it has too much to do is sent again after this long, ms, and so often. */
  retryAfterMs: 1_000,
  mostRefusals: 600,
  /** Outcomes become known this long after their prediction, ms of the past. */
  labelsAfterMs: 86_400_000,
  /** Requests of one row a second while time stands still: while something is trained, and while it is on trial. */
  meanwhile: { training: 100, rollout: 2_000 },
} as const

/** Sends stretches of the past to a gateway, and what became of them a while later. */
export async function openReplayTraffic(context: ClientContext, endpoint: string) {
  const address = await gatewayAddress(context)
  const client = gatewayClient(address, pace.underWay)
  let [sent, failed, batch] = [0, 0, 0]
  /** Labels that are not known yet. */
  let due: { at: number; label: object }[] = []
  /** A gateway on a busy machine asks to be asked again. */
  const insist = async (path: string, body: string, headers: Record<string, string> = {}): Promise<Answer> => {
    for (let refused = 0; ; refused++) {
      const answer = await client.post(path, body, headers)
      if (answer.status !== 503 || refused === pace.mostRefusals) return answer
      await sleep(pace.retryAfterMs)
    }
  }
  const post = async (path: string, body: string, id: string): Promise<void> => {
    sent++
    const answer = await insist(path, body, { 'x-request-id': id }).catch(() => undefined)
    if (answer?.status !== 200) failed++
  }
  return {
    address,
    sent: () => sent,
    failed: () => failed,
    close: () => client.close(),
    /** Sends a stretch, then the labels that have become known by its end. */
    async send({ bodies, labels, times, to }: Stretch): Promise<void> {
      const path = `/v1/models/${endpoint}:predict`
      const name = `replay-${Date.now().toString(36)}-${++batch}`
      const under = new Set<Promise<void>>()
      const start = performance.now()
      for (const [i, body] of bodies.entries()) {
        const wait = start + (i * 1000) / pace.rate - performance.now()
        if (wait > 1) await sleep(wait)
        const id = `${name}-${i}`
        const posted = post(path, body, id).finally(() => under.delete(posted))
        under.add(posted)
        if (under.size >= pace.underWay) await Promise.race(under)
        for (const [row, label] of (labels[i] as number[]).entries())
          due.push({ at: (times[i] as number) + pace.labelsAfterMs, label: { requestId: id, row, label, endpoint } })
      }
      await Promise.all(under)
      const known = due.filter(({ at }) => at <= to)
      due = due.filter(({ at }) => at > to)
      // Out of order, as they come in life.
      known.reverse()
      for (let from = 0; from < known.length; from += 2_000) {
        const body = JSON.stringify(known.slice(from, from + 2_000).map(({ label }) => label))
        const answer = await insist('/feedback', body)
        if (answer.status !== 202) throw new SlipwayError('REQUEST_INVALID', `labels were refused: ${answer.body}`)
      }
    },
    /**
     * Goes on sending rows of a stretch, one a request, while something happens: few, so that training has the
     * processor, until a rollout begins, which learns by them.
     */
    async meanwhile<T>({ bodies }: Stretch, work: (rolloutBegins: () => void) => Promise<T>): Promise<T> {
      let going = true
      let rate: number = pace.meanwhile.training
      const traffic = sendTraffic({
        address,
        endpoint,
        bodies: bodiesOfOneRow(bodies),
        rate: () => rate,
        faults: 0,
        goesOn: () => going,
      })
      try {
        return await work(() => {
          rate = pace.meanwhile.rollout
        })
      } finally {
        going = false
        const report = await traffic.done
        // Nothing hangs on these: what was refused because the gateway has too much to do was not sent.
        const { 503: refused = 0, ...bad } = report.failed
        sent += report.sent - refused
        failed += Object.values(bad).reduce((sum, count) => sum + count, 0)
      }
    },
  }
}
