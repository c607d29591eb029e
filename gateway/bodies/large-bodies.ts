import type { Waiter } from '../late.ts'
import type { PredictionRequest } from '../predictions.ts'
import type { Protocol } from '../protocols/protocol.ts'
import { type ByteBudget, createByteBudget } from './byte-budget.ts'
import { createDesks } from './desks.ts'
import { AskedApart } from './read-apart.ts'

/** As many of the largest bodies as may be kept at once. */
const bodiesAtOnce = 8

/** What is done with bodies that would hold up the thread that answers. */
export interface LargeBodies {
  readonly budget: ByteBudget
  /**
   * Reads a request in a thread. Its body is given away.
   * @param protocol one of Slipway's own
   * @throws SlipwayError what its protocol throws; REQUEST_TOO_LARGE, DEADLINE_EXCEEDED
   */
  read(protocol: Protocol, request: PredictionRequest, until: Waiter): Promise<AskedApart>
  close(): void
}

/** @param bodyLimit bytes of the largest body */
export function createLargeBodies(bodyLimit: number): LargeBodies {
  const desks = createDesks()
  return {
    budget: createByteBudget(bodiesAtOnce * bodyLimit),
    read({ name }, request, until) {
      const body = ownBytes(request.body)
      return AskedApart.of(desks, { protocol: name, body, headers: request.fields() }, until)
    },
    close: desks.close,
  }
}

/** Bytes that can be given away: nothing else lies in their buffer. */
function ownBytes(body: Buffer): Uint8Array<ArrayBuffer> {
  const isOwn = body.byteLength === body.buffer.byteLength
  return (isOwn ? new Uint8Array(body.buffer) : new Uint8Array(body)) as Uint8Array<ArrayBuffer>
}
