import { ApplicationFailure, defaultPayloadConverter, type Payload, type PayloadConverter } from '@temporalio/common'

/**
 * The most a workflow or activity may pass or return, bytes of JSON. Data belongs into artifacts; history carries
 * references.
 */
export const payloadLimit = 128 * 1024

/**
 * Temporal's JSON converter, with a limit of our own: a payload over the server's limit would be retried for ever, so
 * it is refused here for good, naming the field that is to blame.
 */
export const payloadConverter: PayloadConverter = {
  toPayload(value) {
    const payload = defaultPayloadConverter.toPayload(value)
    const size = payload.data?.length ?? 0
    if (size > payloadLimit) {
      throw ApplicationFailure.nonRetryable(
        `a payload of ${size} bytes is above the limit of ${payloadLimit}; its largest field is ${largestField(value)}: store it as an artifact and pass the reference`,
        'PAYLOAD_TOO_LARGE',
      )
    }
    return payload
  },
  fromPayload<T>(payload: Payload): T {
    return defaultPayloadConverter.fromPayload<T>(payload)
  },
}

/** The path to where most of a value's JSON is: `plan.steps.3.inputs`. */
function largestField(value: unknown): string {
  const path: string[] = []
  for (let current = value; typeof current === 'object' && current !== null; ) {
    const sizes = Object.entries(current).map(([key, member]) => ({
      key,
      member,
      size: JSON.stringify(member)?.length ?? 0,
    }))
    const largest = sizes.sort((a, b) => b.size - a.size)[0]
    const total = sizes.reduce((sum, { size }) => sum + size, 0)
    if (largest === undefined || largest.size < total / 2) break
    path.push(largest.key)
    current = largest.member
  }
  return path.length === 0 ? 'the whole value' : `"${path.join('.')}"`
}
