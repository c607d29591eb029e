import { type ErrorCode, SlipwayError } from '../lib/formats/errors.ts'

/** What a refused or failed request is answered with: one table for all protocols. Codes not named are faults of ours: 500. */
const statusOf: Partial<Record<ErrorCode, number>> = {
  REQUEST_INVALID: 400,
  UNAUTHORIZED: 401,
  NOT_FOUND: 404,
  NOT_ACCEPTABLE: 406,
  REQUEST_TOO_LARGE: 413,
  MEDIA_UNSUPPORTED: 415,
  // The rows keep their schema, and the model's own code does not take them.
  FEATURES_FAILED: 422,
  OVERLOADED: 503,
  DEADLINE_EXCEEDED: 504,
}

function httpStatusOf(error: unknown): number {
  return error instanceof SlipwayError ? (statusOf[error.code] ?? 500) : 500
}

/** What a client is told: our own words, and of what nobody foresaw nothing but that it happened. */
function messageOf(error: unknown): string {
  return error instanceof SlipwayError ? error.message : 'the gateway failed; its log says why'
}

/** The form of an error in a protocol. */
export type ErrorForm = 'open-inference' | 'tf-serving' | 'invocations' | 'sagemaker'

export interface ErrorAnswer {
  readonly status: number
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
}

/** Seconds after which a client that was refused for load may ask again. */
const retryAfter = '1'

/** An error as a protocol's clients expect it. */
export function errorAnswer(form: ErrorForm, error: unknown): ErrorAnswer {
  const status = httpStatusOf(error)
  const message = messageOf(error)
  const headers = status === 503 ? { 'retry-after': retryAfter } : {}
  switch (form) {
    case 'open-inference':
    case 'tf-serving':
      return { status, body: JSON.stringify({ error: message }), headers }
    case 'invocations':
      return { status, body: JSON.stringify({ error_code: mlflowCode(status), message }), headers }
    case 'sagemaker':
      return sageMakerError(status, message, headers)
  }
}

/** mlflow/protos/databricks.proto. */
function mlflowCode(status: number): string {
  if (status === 503) return 'TEMPORARILY_UNAVAILABLE'
  if (status === 404) return 'RESOURCE_DOES_NOT_EXIST'
  return status < 500 ? 'BAD_REQUEST' : 'INTERNAL_ERROR'
}

/** InvokeEndpoint's errors (SageMaker Runtime API): the container's own answer comes wrapped, with 424. */
function sageMakerError(status: number, message: string, headers: Record<string, string>): ErrorAnswer {
  const [code, type] =
    status === 404 ? [400, 'ValidationError'] : status === 503 ? [503, 'ServiceUnavailable'] : [424, 'ModelError']
  const wrapped = code === 424 ? { OriginalStatusCode: status, OriginalMessage: message } : {}
  return {
    status: code as number,
    body: JSON.stringify({ Message: message, ...wrapped }),
    headers: { ...headers, 'x-amzn-errortype': type as string },
  }
}
