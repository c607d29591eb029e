import { randomBytes } from 'node:crypto'
import { AwsError, invalid } from './errors.ts'
import { type FamilyMaker, seconds, type World } from './world.ts'

interface Definition {
  readonly Version: string
  readonly Parameters?: readonly { readonly Name: string; readonly Type: string; readonly DefaultValue?: unknown }[]
  readonly Steps: readonly CallbackStep[]
}
interface CallbackStep {
  readonly Name: string
  readonly Type: string
  readonly SqsQueueUrl: string
  readonly Arguments: Readonly<Record<string, unknown>>
  readonly OutputParameters: readonly { readonly OutputName: string; readonly OutputType: string }[]
}

interface Execution {
  readonly arn: string
  readonly token: string
  readonly step: CallbackStep
  readonly startedAt: number
  status: 'Executing' | 'Stopping' | 'Succeeded' | 'Failed' | 'Stopped'
  outputs: { Name: string; Value: string }[]
  failure?: string
}

const sent = new WeakMap<World, { queue: string; body: string }[]>()

/** Messages that callback steps sent, oldest first: what SQS would hold. */
export const messagesOf = (world: World): { queue: string; body: string }[] => {
  const messages = sent.get(world) ?? []
  sent.set(world, messages)
  return messages
}

/** Pipelines of one callback step: an execution sends its message, and waits for the answer to its token. */
export const pipelines: FamilyMaker = (world) => {
  const made = new Map<string, { readonly arn: string; readonly definition: Definition; readonly text: string }>()
  const executions: Execution[] = []
  const messages = messagesOf(world)
  const pipelineNamed = (name: string) => {
    const found = made.get(name.split('/').at(-1) as string)
    if (found === undefined) throw new AwsError('ResourceNotFound', `Pipeline '${name}' does not exist.`)
    return found
  }
  const executionOf = (arn: string): Execution => {
    const found = executions.find((each) => each.arn === arn)
    if (found === undefined) throw new AwsError('ResourceNotFound', `Pipeline execution '${arn}' does not exist.`)
    return found
  }
  const waiting = (token: string): Execution => {
    const found = executions.find((each) => each.token === token)
    if (found === undefined) throw new AwsError('ResourceNotFound', 'The callback token does not exist.')
    if (found.status !== 'Executing' && found.status !== 'Stopping')
      throw invalid(`The step of this callback token is in status ${found.status}.`)
    return found
  }
  const tell = ({ arn, token, step, status }: Execution, args: object): void =>
    void messages.push({
      queue: step.SqsQueueUrl,
      body: JSON.stringify({ token, pipelineExecutionArn: arn, status, arguments: args }),
    })
  const argumentsOf = new Map<string, object>()
  return {
    service: 'sagemaker',
    operations: {
      CreatePipeline({ PipelineName: name, PipelineDefinition: text }) {
        if (made.has(name)) throw invalid(`Pipeline names must be unique within an AWS account and region: ${name}`)
        const arn = world.arn('pipeline', name.toLowerCase())
        made.set(name, { arn, definition: definitionIn(text), text })
        return { PipelineArn: arn }
      },
      DescribePipeline({ PipelineName: name }) {
        const { arn, text } = pipelineNamed(name)
        return { PipelineArn: arn, PipelineName: name, PipelineDefinition: text, PipelineStatus: 'Active' }
      },
      StartPipelineExecution({ PipelineName: name, PipelineParameters: given = [] }) {
        const { arn, definition } = pipelineNamed(name)
        const [step] = definition.Steps as readonly [CallbackStep]
        const execution: Execution = {
          arn: `${arn}/execution/${randomBytes(6).toString('hex')}`,
          token: randomBytes(5).toString('hex'),
          step,
          startedAt: seconds(),
          status: 'Executing',
          outputs: [],
        }
        executions.push(execution)
        const args = argumentsWith(definition, step, given)
        argumentsOf.set(execution.arn, args)
        tell(execution, args)
        return { PipelineExecutionArn: execution.arn }
      },
      StopPipelineExecution({ PipelineExecutionArn }) {
        const execution = executionOf(PipelineExecutionArn)
        execution.status = 'Stopping'
        tell(execution, argumentsOf.get(execution.arn) ?? {})
        return { PipelineExecutionArn }
      },
      DescribePipelineExecution({ PipelineExecutionArn }) {
        const { arn, status, failure, startedAt } = executionOf(PipelineExecutionArn)
        return {
          PipelineExecutionArn: arn,
          PipelineExecutionStatus: status,
          ...(failure !== undefined && { FailureReason: failure }),
          CreationTime: startedAt,
        }
      },
      ListPipelineExecutionSteps({ PipelineExecutionArn }) {
        const { step, status, outputs, token, failure, startedAt } = executionOf(PipelineExecutionArn)
        return {
          PipelineExecutionSteps: [
            {
              StepName: step.Name,
              StepStatus: status,
              StartTime: startedAt,
              ...(failure !== undefined && { FailureReason: failure }),
              Metadata: {
                Callback: { CallbackToken: token, SqsQueueUrl: step.SqsQueueUrl, OutputParameters: outputs },
              },
            },
          ],
        }
      },
      SendPipelineExecutionStepSuccess({ CallbackToken, OutputParameters = [] }) {
        const execution = waiting(CallbackToken)
        requireOutputs(execution.step, OutputParameters)
        execution.outputs = OutputParameters
        execution.status = execution.status === 'Stopping' ? 'Stopped' : 'Succeeded'
        return { PipelineExecutionArn: execution.arn }
      },
      SendPipelineExecutionStepFailure({ CallbackToken, FailureReason = '' }) {
        const execution = waiting(CallbackToken)
        execution.failure = FailureReason
        execution.status = execution.status === 'Stopping' ? 'Stopped' : 'Failed'
        return { PipelineExecutionArn: execution.arn }
      },
    },
  }
}

function definitionIn(text: string): Definition {
  const definition = JSON.parse(text) as Definition
  if (definition.Version !== '2020-12-01') throw invalid('Unable to parse pipeline definition. Unknown version.')
  const names = new Set((definition.Parameters ?? []).map(({ Name }) => Name))
  for (const step of definition.Steps) {
    if (step.Type !== 'Callback') throw invalid(`The fake carries out callback steps only, not ${step.Type}.`)
    if (!/^https:\/\/sqs\./.test(step.SqsQueueUrl)) throw invalid('SqsQueueUrl is no queue.')
    for (const value of Object.values(step.Arguments)) {
      const { Get: from } = (typeof value === 'object' ? value : {}) as { Get?: string }
      if (from !== undefined && !names.has(from.replace('Parameters.', '')))
        throw invalid(`Unable to parse pipeline definition. ${from} is not defined.`)
    }
  }
  return definition
}

function argumentsWith(
  { Parameters: parameters = [] }: Definition,
  { Arguments: args }: CallbackStep,
  given: readonly { readonly Name: string; readonly Value: string }[],
): object {
  const givenOr = (name: string): unknown => {
    const parameter = parameters.find(({ Name }) => Name === name)
    const own = given.find(({ Name }) => Name === name)?.Value
    if (own === undefined) return parameter?.DefaultValue
    return parameter?.Type === 'Integer' || parameter?.Type === 'Float' ? Number(own) : own
  }
  const stray = given.find(({ Name }) => !parameters.some((each) => each.Name === Name))
  if (stray !== undefined) throw invalid(`Assigning value to non-existent parameter: ${stray.Name}`)
  return Object.fromEntries(
    Object.entries(args).map(([name, value]) => {
      const from = (value as { Get?: string }).Get
      return [name, from === undefined ? value : givenOr(from.replace('Parameters.', ''))]
    }),
  )
}

function requireOutputs(step: CallbackStep, given: readonly { Name: string; Value: string }[]): void {
  for (const { OutputName: name, OutputType: type } of step.OutputParameters) {
    const value = given.find(({ Name }) => Name === name)?.Value
    if (value === undefined) throw invalid(`Missing output parameter: ${name}`)
    if (type === 'Integer' && !/^-?\d+$/.test(value)) throw invalid(`Output parameter ${name} is no integer: ${value}`)
  }
}
