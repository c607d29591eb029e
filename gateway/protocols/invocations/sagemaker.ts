import type { Outgoing, Prediction, Problem, Protocol } from '../protocol.ts'
import { jsonAnswer } from '../write.ts'
import { invocationOperation } from './invocations.ts'
import { invocationAnswers, readInvocation } from './read-invocation.ts'

/** SageMaker's runtime, InvokeEndpoint; and what SageMaker asks of a container besides `/invocations`. */
export const sagemaker: Protocol = {
  name: 'sagemaker',
  routes: [{ path: '/endpoints/{name}/invocations', answers: invocationAnswers }],
  read: (request) => readInvocation(request, variantHeader),
  error: runtimeError,
  openApi: (endpoints) =>
    Object.fromEntries(
      endpoints.map((endpoint) => [
        `/endpoints/${endpoint.name}/invocations`,
        { post: invocationOperation(endpoint, `${endpoint.name}Invocations`) },
      ]),
    ),
  lookups: ({ isReady }) => [
    {
      method: 'GET',
      path: '/ping',
      isOpen: true,
      answer: () => jsonAnswer(isReady() ? 200 : 503, { ready: isReady() }),
    },
  ],
}

const variantHeader = ({ role }: Prediction): Record<string, string> => ({ 'x-amzn-invoked-production-variant': role })

/** InvokeEndpoint's errors (SageMaker Runtime API): the container's own answer comes wrapped, with 424. */
function runtimeError({ status, message }: Problem): Outgoing {
  const [code, type] =
    status === 404
      ? ([400, 'ValidationError'] as const)
      : status === 503
        ? ([503, 'ServiceUnavailable'] as const)
        : ([424, 'ModelError'] as const)
  const wrapped = code === 424 ? { OriginalStatusCode: status, OriginalMessage: message } : {}
  const { body, headers } = jsonAnswer(code, { Message: message, ...wrapped })
  return { status: code, body, headers: ['x-amzn-errortype', type, ...headers] }
}
