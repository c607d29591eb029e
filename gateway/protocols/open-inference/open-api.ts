import { shapeInWords, type TensorSpec } from '../../../lib/formats/tensors.ts'
import { objectOf, operation } from '../operation.ts'
import type { DescribedEndpoint, DescribedTensors } from '../protocol.ts'
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
export function openApiPaths(
  endpoints: readonly DescribedEndpoint[],
  tensorEndpoints: readonly DescribedTensors[],
): Record<string, object> {
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
          .join(' and ')} out${endpoint.facts.task === 'ranking' ? ', which orders the rows of one request' : ''}`,
        request: objectOf('inputs', tensors),
        answer: objectOf('outputs', tensors),
      }),
    }
  }
  for (const { name, facts } of tensorEndpoints) {
    paths[`/v2/models/${name}`] = {
      get: operation({ id: `${name}Metadata`, endpoint: name, summary: 'Tensors and versions' }),
    }
    paths[`/v2/models/${name}/infer`] = {
      post: operation({
        id: `${name}Infer`,
        endpoint: name,
        summary: `Open Inference Protocol: ${inWords(facts.inputs)} in, ${inWords(facts.outputs)} out`,
        request: objectOf('inputs', tensorsOf(facts.inputs)),
        answer: objectOf('outputs', tensorsOf(facts.outputs)),
      }),
    }
  }
  return paths
}

/** `"image" FP32 [batch, 3, 224, 224]` */
const inWords = (specs: readonly TensorSpec[]): string =>
  specs.map(({ name, datatype, shape }) => `"${name}" ${datatype} ${shapeInWords(shape)}`).join(', ')

/** The tensors of a model that has no others: each with its name, its datatype and as many axes as it has. */
const tensorsOf = (specs: readonly TensorSpec[]): object => ({
  type: 'array',
  items: {
    oneOf: specs.map(({ name, datatype, shape }) => ({
      ...tensors.items,
      properties: {
        ...tensors.items.properties,
        name: { const: name },
        datatype: { const: datatype },
        ...(shape !== undefined && {
          shape: {
            type: 'array',
            prefixItems: shape.map((axis) =>
              typeof axis === 'number'
                ? { const: axis }
                : { type: 'integer', minimum: 0, ...(axis && { title: axis }) },
            ),
            minItems: shape.length,
            maxItems: shape.length,
          },
        }),
      },
    })),
  },
})
