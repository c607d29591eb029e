import { z } from 'zod'
import type { ModelVersion } from './route.ts'
import type { TelemetryWindow, VersionCounts } from './telemetry.ts'

/*
 * What SageMaker's data capture writes: a line of JSON a request, in files below
 * `<destination>/<endpoint>/<variant>/yyyy/mm/dd/hh/` (Amazon SageMaker Developer Guide, "Capture data from real-time
 * endpoint").
 */

const Side = z.object({
  observedContentType: z.string().max(1_000).default(''),
  data: z.string(),
  /** Text as it came where the type is among those that the configuration names, else base64. */
  encoding: z.enum(['JSON', 'CSV', 'BASE64']),
})

/** A request and its answer; one that has no answer is not read. */
export const CaptureLine = z.object({
  captureData: z.object({ endpointInput: Side, endpointOutput: Side }),
  eventMetadata: z.object({
    eventId: z.string().min(1).max(200),
    /** As the client gave it. */
    inferenceId: z.string().optional(),
    /** To the second. */
    inferenceTime: z.iso.datetime({ offset: true }),
  }),
})
type CaptureLine = z.infer<typeof CaptureLine>

/** A body with its type. */
export interface CapturedBody {
  readonly type: string
  readonly body: Buffer
}

/** A request that was answered, as it was written down. */
export interface CapturedEvent {
  /** SageMaker's own id of it, which tells two copies of one line from two requests. */
  readonly id: string
  /** What labels name it by: the client's id of it, else SageMaker's. */
  readonly requestId: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly input: CapturedBody
  readonly output: CapturedBody
}

/** Ids that may go into captured rows and labels. */
const idForLabels = /^[\w.:/+=-]{1,128}$/

export function eventOf({ captureData, eventMetadata }: CaptureLine): CapturedEvent {
  const { eventId: id, inferenceId, inferenceTime } = eventMetadata
  const body = ({ observedContentType, data, encoding }: z.infer<typeof Side>): CapturedBody => ({
    type: observedContentType,
    body: Buffer.from(data, encoding === 'BASE64' ? 'base64' : 'utf8'),
  })
  return {
    id,
    requestId: inferenceId !== undefined && idForLabels.test(inferenceId) ? inferenceId : id,
    at: Date.parse(inferenceTime),
    input: body(captureData.endpointInput),
    output: body(captureData.endpointOutput),
  }
}

/** Requests of a window by whoever answered them. */
export interface CapturedOrder extends Pick<TelemetryWindow, 'endpoint' | 'revision' | 'rollout' | 'from'> {
  readonly champion: ModelVersion
  readonly candidate: ModelVersion | null
  readonly events: readonly (CapturedEvent & { readonly by: 'champion' | 'candidate' })[]
}

type Counts = Pick<VersionCounts, 'rows' | 'scores' | 'profile'>

/** What requests and answers come to. */
export interface CapturedCounts {
  readonly champion: Counts
  readonly candidate: Counts | null
  /** Rows with their answers, parquet. */
  readonly capture: Uint8Array | undefined
  /** Requests that no reader of ours understands, with their answers. */
  readonly unreadable: number
}

/** Reads requests and answers by what the versions say of themselves. */
export type ReadCaptured = (order: CapturedOrder) => Promise<CapturedCounts>
