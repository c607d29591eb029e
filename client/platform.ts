import { type PlatformState, readLost, readPlatform } from '../workers/platform/state.ts'

/** What is up and where. */
export type PlatformDocument =
  | { readonly running: false }
  | {
      readonly running: true
      readonly pid: number
      /** Addresses; null where there is none. */
      readonly console: string | null
      readonly temporal: string
      readonly temporalUi: string | null
      readonly s3: string
      /** Its process. */
      readonly worker: number
      readonly gateway: string | null
      readonly grpc: string | null
      /** How much of what the store says should go on Temporal did not know: `slipway recover` brings it back. */
      readonly lost: number
      /** Where each server was found. */
      readonly from: { readonly temporal: string; readonly s3: string }
    }

/** The platform of a project, as `slipway status --json` prints it: read from a file alone. */
export function readStatus(root: string): PlatformDocument {
  const state = readPlatform(root)
  return state === undefined ? { running: false } : platformDocument(root, state)
}

export const platformDocument = (
  root: string,
  state: PlatformState,
): PlatformDocument & { readonly running: true } => ({
  running: true,
  pid: state.pid,
  console: state.console?.address ?? null,
  temporal: state.temporal.address,
  temporalUi: state.temporal.ui ?? null,
  s3: state.s3.endpoint,
  worker: state.worker.pid,
  gateway: state.gateway?.address ?? null,
  grpc: state.gateway?.grpc ?? null,
  lost: readLost(root),
  from: { temporal: state.temporal.from, s3: state.s3.from },
})
