import { jsonSchemaOf } from '../lib/definition/contract/json-schema.ts'
import type { Endpoint } from './endpoint.ts'
import { outputName } from './protocols/protocol.ts'

const json = (schema: object): object => ({ 'application/json': { schema } })
const errorBody = { type: 'object', properties: { error: { type: 'string' } }, required: ['error'] }

/** The API as an OpenAPI 3.1 document, row schemas included: generated from the zod schemas of the pipelines that are served. */
export function openApiDocument(endpoints: readonly Endpoint[], version: string): object {
  const paths: Record<string, object> = {
    '/v2/health/live': { get: operation('healthLive', 'Whether the gateway runs') },
    '/v2/health/ready': { get: operation('healthReady', 'Whether every endpoint is loaded') },
  }
  const schemas: Record<string, object> = { Error: errorBody }
  for (const endpoint of endpoints) {
    const { champion, name } = endpoint
    if (champion === undefined) continue
    const { $schema: _, ...row } = jsonSchemaOf(champion.scorer.facts.inputs)
    const rowName = `${name}-row`
    schemas[rowName] = row
    const rows = { type: 'array', items: { $ref: `#/components/schemas/${rowName}` } }
    const numbers = { type: 'array', items: { type: 'number' } }
    const tensor = {
      type: 'object',
      properties: {
        name: { type: 'string' },
        shape: { type: 'array', items: { type: 'integer' } },
        datatype: { type: 'string' },
        data: { type: 'array' },
      },
      required: ['name', 'shape', 'datatype'],
    }
    const tag = { tags: [name] }
    paths[`/v2/models/${name}`] = { get: { ...operation(`${name}Metadata`, 'Tensors and versions'), ...tag } }
    paths[`/v2/models/${name}/infer`] = {
      post: {
        ...tag,
        ...operation(
          `${name}Infer`,
          `Open Inference Protocol: one tensor a column in, "${outputName(champion)}" out`,
          { type: 'object', properties: { inputs: { type: 'array', items: tensor } }, required: ['inputs'] },
          { type: 'object', properties: { outputs: { type: 'array', items: tensor } }, required: ['outputs'] },
        ),
      },
    }
    paths[`/endpoints/${name}/invocations`] = {
      post: {
        ...tag,
        ...operation(
          `${name}Invocations`,
          'SageMaker and MLflow: rows in, predictions out',
          {
            oneOf: [
              { type: 'object', properties: { instances: rows }, required: ['instances'] },
              { type: 'object', properties: { dataframe_records: rows }, required: ['dataframe_records'] },
            ],
          },
          { type: 'object', properties: { predictions: numbers }, required: ['predictions'] },
        ),
      },
    }
    paths[`/v1/models/${name}:predict`] = {
      post: {
        ...tag,
        ...operation(
          `${name}Predict`,
          'TensorFlow Serving: instances in, predictions out',
          { type: 'object', properties: { instances: rows }, required: ['instances'] },
          { type: 'object', properties: { predictions: numbers }, required: ['predictions'] },
        ),
      },
    }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Slipway gateway', version },
    paths,
    components: { schemas },
  }
}

function operation(operationId: string, summary: string, request?: object, answer?: object): object {
  return {
    operationId,
    summary,
    ...(request === undefined ? {} : { requestBody: { required: true, content: json(request) } }),
    responses: {
      '200': { description: 'Done', ...(answer === undefined ? {} : { content: json(answer) }) },
      ...(request === undefined
        ? {}
        : {
            '400': {
              description: 'The request is wrong; the error says where',
              content: json({ $ref: '#/components/schemas/Error' }),
            },
            '503': { description: 'More requests than can be answered; see Retry-After' },
          }),
    },
  }
}
