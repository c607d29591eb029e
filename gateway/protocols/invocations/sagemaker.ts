import { invalid } from '../../../lib/models/rows.ts'
import { isRequestId } from '../../request-id.ts'
import type { Asked, Incoming, Outgoing, Prediction, Problem, Protocol } from '../protocol.ts'
import { jsonAnswer } from '../write.ts'
import { invocationOperation } from './invocations.ts'
import { invocationAnswers, readInvocation } from './read-invocation.ts'

/** TargetVariant: the version that is to answer. */
const targetHeader = 'x-amzn-sagemaker-target-variant'
/** InferenceId: what labels name the request by. */
const inferenceIdHeader = 'x-amzn-sagemaker-inference-id'

/**
 * SageMaker's runtime, InvokeEndpoint; and what SageMaker asks of a container besides `/invocations`. Variants are
 * called `champion`, `candidate`, `previous`, or by the number of a version. One that is asked for by name is outside
 * of the rollout, as every version is that a client chooses: it counts for and against nobody.
 */
export const sagemaker: Protocol = {
  name: 'sagemaker',
  routes: [{ path: '/endpoints/{name}/invocations', answers: invocationAnswers }],
  idHeader: inferenceIdHeader,
  read: readInvoke,
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
      // The other key is what TorchServe's clients read.
      answer: () =>
        jsonAnswer(isReady() ? 200 : 503, { ready: isReady(), status: isReady() ? 'Healthy' : 'Unhealthy' }),
    },
  ],
}

function readInvoke(request: Incoming): Asked {
  const id = request.header(inferenceIdHeader)
  if (id !== undefined && !isRequestId(id))
    throw invalid(`${inferenceIdHeader} may have letters, digits and . : / + = _ -, 128 of them at most`)
  const target = request.header(targetHeader)
  const variantOf = ({ role }: Prediction): Record<string, string> => ({
    'x-amzn-invoked-production-variant': role === 'pinned' ? (target as string) : role,
  })
  return { ...readInvocation(request, variantOf), version: target }
}

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
