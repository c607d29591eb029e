import { z } from 'zod'
import { SlipwayError } from '../formats/errors.ts'
import type { CallbackOutputs } from './pipeline-definition.ts'
import { asOfName } from './pipeline-definition.ts'

/** The body of a message that a callback step sends (SageMaker Developer Guide, "Callback step"). */
const CallbackMessage = z.object({
  /** Whoever has it may answer; it also names the request: a message that comes twice has the same one. */
  token: z.string().regex(/^[a-zA-Z0-9]{10}$/, 'a token has ten letters and digits'),
  pipelineExecutionArn: z.string().default(''),
  /** `Stopping`: the execution is being stopped, and waits for an answer all the same. */
  status: z.enum(['Executing', 'Stopping']).default('Executing'),
  arguments: z
    .object({ pipeline: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'the name of a pipeline') })
    .catchall(z.union([z.string(), z.number(), z.boolean()])),
})

/** A run that a callback step asks for. */
export interface AskedRun {
  readonly token: string
  readonly execution: string
  readonly isStopping: boolean
  readonly pipeline: string
  /** `--set` of each: `trees=50`. */
  readonly set: readonly string[]
  readonly asOf: string | undefined
}

/** @throws SlipwayError USAGE where it is no message of a callback step that `slipway iac` wrote */
export function readCallback(text: string): AskedRun {
  const parsed = CallbackMessage.safeParse(jsonOf(text))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const where = issue?.path.length ? `${issue.path.join('.')}: ` : ''
    throw new SlipwayError('USAGE', `this is no message of a callback step: ${where}${issue?.message}`, {
      next: 'give the body of the message as it is, with token, status and arguments',
    })
  }
  const { token, pipelineExecutionArn: execution, status, arguments: given } = parsed.data
  const { pipeline, [asOfName]: asOf, ...settings } = given
  return {
    token,
    execution,
    isStopping: status === 'Stopping',
    pipeline,
    set: Object.entries(settings).map(([name, value]) => `${name}=${value}`),
    asOf: typeof asOf === 'string' && asOf !== '' ? asOf : undefined,
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Longest that SageMaker takes, characters. */
const longest = { reason: 256, value: 1024 } as const

/** Answers a callback whose run did what it was asked for. */
export const successOf = ({ token }: AskedRun, outputs: CallbackOutputs) => ({
  CallbackToken: token,
  OutputParameters: Object.entries(outputs).map(([name, value]) => ({
    Name: name,
    Value: value.slice(0, longest.value),
  })),
})

/** Answers a callback whose run did not. @param reason begins with what counts: SageMaker keeps 256 characters */
export const failureOf = ({ token }: AskedRun, reason: string) => ({
  CallbackToken: token,
  FailureReason: reason.length <= longest.reason ? reason : `${reason.slice(0, longest.reason - 1)}…`,
})
