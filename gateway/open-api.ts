import { jsonSchemaOf } from '../lib/definition/contract/json-schema.ts'
import type { Endpoint } from './endpoint.ts'
import type { DescribedEndpoint, DescribedTensors, Protocol } from './protocols/protocol.ts'

const errorBody = { type: 'object', properties: { error: { type: 'string' } }, required: ['error'] }

/**
 * The API as an OpenAPI 3.1 document: each protocol's paths, and the schemas of rows, made of the zod schemas of the
 * pipelines that are served.
 */
export function openApiDocument(
  protocols: readonly Protocol[],
  endpoints: readonly Endpoint[],
  version: string,
): object {
  const schemas: Record<string, object> = { Error: errorBody }
  const described: DescribedEndpoint[] = []
  const tensors: DescribedTensors[] = []
  for (const endpoint of endpoints) {
    const { champion, name } = endpoint
    if (champion === undefined) continue
    if (champion.kind === 'tensors') {
      tensors.push({ name, facts: champion.facts })
      continue
    }
    const { facts } = endpoint.asked(champion)
    const { $schema: _, ...row } = jsonSchemaOf(facts.inputs)
    schemas[`${name}-row`] = row
    described.push({ name, facts, row: { $ref: `#/components/schemas/${name}-row` } })
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Slipway gateway', version },
    paths: Object.assign({}, ...protocols.map((protocol) => protocol.openApi(described, tensors))),
    components: { schemas },
  }
}
