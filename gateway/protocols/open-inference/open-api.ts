import { objectOf, operation } from '../operation.ts'
import type { DescribedEndpoint } from '../protocol.ts'
import { outputNames } from '../write.ts'

const tensors = {
  type: 'array',
  items: {
    type: 'object',
    properties: {
      name: { type: 'string' },
      shape: { type: 'array', items: { type: 'integer' } },
      datatype: { type: 'string' },
      data: { type: 'array' },
    },
    required: ['name', 'shape', 'datatype'],
  },
}

/** The paths of this protocol for an OpenAPI document. */
export function openApiPaths(endpoints: readonly DescribedEndpoint[]): Record<string, object> {
  const paths: Record<string, object> = {
    '/v2/health/live': { get: operation({ id: 'healthLive', summary: 'Whether the gateway runs' }) },
    '/v2/health/ready': { get: operation({ id: 'healthReady', summary: 'Whether every endpoint is loaded' }) },
  }
  for (const endpoint of endpoints) {
    const { name } = endpoint
    paths[`/v2/models/${name}`] = {
      get: operation({ id: `${name}Metadata`, endpoint: name, summary: 'Tensors and versions' }),
    }
    paths[`/v2/models/${name}/infer`] = {
      post: operation({
        id: `${name}Infer`,
        endpoint: name,
        summary: `Open Inference Protocol: one tensor a column in, ${outputNames(endpoint)
          .map((output) => `"${output}"`)
          .join(' and ')} out`,
        request: objectOf('inputs', tensors),
        answer: objectOf('outputs', tensors),
      }),
    }
  }
  return paths
}
