import {
  SendPipelineExecutionStepFailureCommand,
  SendPipelineExecutionStepSuccessCommand,
} from '@aws-sdk/client-sagemaker'
import { type AskedRun, failureOf, successOf } from './callback-message.ts'
import type { SageMakerClients } from './clients.ts'
import { isNotFound, sageMakerError } from './faults.ts'
import type { CallbackOutputs } from './pipeline-definition.ts'

/** What is told SageMaker: the outputs of the step, or why there are none. */
export type Answer = { readonly success: CallbackOutputs } | { readonly failure: string }

/**
 * Answers a callback. One that was answered before, or whose pipeline has ended, is no fault.
 * @returns why SageMaker does not want the answer, in its words; undefined where it took it
 */
export async function answerCallback(
  { sageMaker }: Pick<SageMakerClients, 'sageMaker'>,
  asked: AskedRun,
  told: Answer,
): Promise<string | undefined> {
  try {
    if ('success' in told)
      await sageMaker.send(new SendPipelineExecutionStepSuccessCommand(successOf(asked, told.success)))
    else await sageMaker.send(new SendPipelineExecutionStepFailureCommand(failureOf(asked, told.failure)))
    return undefined
  } catch (error) {
    if (!isNotFound(error) && !isOver(error)) throw sageMakerError(error, `to answer the callback ${asked.token}`)
    return (error as Error).message
  }
}

/** What SageMaker says of a token whose step has ended. */
function isOver(error: unknown): boolean {
  const { name, message } = error as Error
  return name === 'ValidationException' && /status|already|expired|no longer/i.test(message)
}
