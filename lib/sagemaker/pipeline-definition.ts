/** What a run can be started with besides its definition, by name: `run --set`. */
export type Settings = Readonly<Record<string, Setting>>

export interface Setting {
  /** As the definition has it. */
  readonly value: string | number | boolean
  /** It may only be a whole number. */
  readonly isWhole: boolean
}

/** What a definition of a SageMaker pipeline is made of. */
export interface PipelineOrder {
  readonly pipeline: string
  /** Address of the queue that SageMaker asks for a run through. */
  readonly queue: string
  readonly settings: Settings
  /** Whether the day that counts as now can be said (`run --as-of`). */
  readonly isDated: boolean
}

/** The step of the pipeline: the run. */
export const runStep = 'SlipwayRun'
/** The name of the parameter, and of the argument, that says which day counts as now. Empty: the day of the run. */
export const asOfName = 'asOf'

/**
 * What the answer to a callback tells, by name: later steps of the pipeline read it as
 * `Steps.SlipwayRun.OutputParameters['modelVersion']`. Of a run that registered nothing the version is 0.
 */
export const callbackOutputs = {
  runId: 'String',
  status: 'String',
  exitCode: 'Integer',
  model: 'String',
  modelVersion: 'Integer',
  modelDigest: 'String',
  endpoint: 'String',
} as const
export type CallbackOutputs = { readonly [Name in keyof typeof callbackOutputs]: string }

/**
 * A SageMaker pipeline of one step, which asks for a run of ours through a queue and waits for its end: schema
 * 2020-12-01, "SageMaker Pipelines JSON Schema". Equal orders give the same text.
 */
export function pipelineDefinition({ pipeline, queue, settings, isDated }: PipelineOrder): object {
  const parameters: PipelineParameter[] = Object.entries(settings).map(([name, setting]) => ({
    Name: name,
    Type: typeOf(setting),
    DefaultValue: setting.value,
  }))
  if (isDated) parameters.push({ Name: asOfName, Type: 'String', DefaultValue: '' })
  return {
    Version: '2020-12-01',
    Metadata: {},
    Parameters: parameters,
    PipelineExperimentConfig: null,
    Steps: [
      {
        Name: runStep,
        Type: 'Callback',
        SqsQueueUrl: queue,
        Arguments: {
          pipeline,
          ...Object.fromEntries(parameters.map(({ Name: name }) => [name, { Get: `Parameters.${name}` }])),
        },
        OutputParameters: Object.entries(callbackOutputs).map(([name, type]) => ({
          OutputName: name,
          OutputType: type,
        })),
      },
    ],
  }
}

interface PipelineParameter {
  readonly Name: string
  readonly Type: 'String' | 'Integer' | 'Float' | 'Boolean'
  readonly DefaultValue: string | number | boolean
}

function typeOf({ value, isWhole }: Setting): PipelineParameter['Type'] {
  if (typeof value === 'string') return 'String'
  if (typeof value === 'boolean') return 'Boolean'
  return isWhole ? 'Integer' : 'Float'
}
