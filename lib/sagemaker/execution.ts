import { DescribePipelineExecutionCommand } from '@aws-sdk/client-sagemaker'
import type { AskedRun } from './callback-message.ts'
import type { SageMakerClients } from './clients.ts'
import { isNotFound, sageMakerError } from './faults.ts'

/**
 * Whether the execution that asks for a run still wants it. Queues bring messages in any order: the order to stop may
 * have been carried out before what it stops was begun.
 * @returns why not, in words; undefined where it does, or where the message names no execution
 * @throws SlipwayError SAGEMAKER_DENIED, SAGEMAKER_UNREACHABLE and what else keeps SageMaker from saying
 */
export async function whyUnwanted(
  { sageMaker }: Pick<SageMakerClients, 'sageMaker'>,
  { execution }: Pick<AskedRun, 'execution'>,
): Promise<string | undefined> {
  if (execution === '') return undefined
  try {
    const command = new DescribePipelineExecutionCommand({ PipelineExecutionArn: execution })
    const { PipelineExecutionStatus: status } = await sageMaker.send(command)
    return status === 'Executing' || status === undefined ? undefined : `the execution is ${status}`
  } catch (error) {
    if (isNotFound(error)) return 'the execution does not exist any more'
    throw sageMakerError(error, `to ask for the execution ${execution}`)
  }
}
