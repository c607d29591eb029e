import type { Context } from '@temporalio/activity'
import { type SageMakerClients, sageMakerClients } from '../lib/sagemaker/clients.ts'

let clients: SageMakerClients | undefined

/** The clients of this process, made when something is first done with SageMaker. */
export function sageMakerOfWorker(): SageMakerClients {
  clients ??= sageMakerClients()
  return clients
}

/**
 * Whether a cancelled activity is not wanted any more: its workflow said so, or has ended. Else the worker is ending,
 * or was taken for dead, and another attempt goes on with what was begun.
 */
export function isCancelledForGood({ cancellationDetails }: Context): boolean {
  return cancellationDetails?.cancelRequested === true || cancellationDetails?.notFound === true
}
