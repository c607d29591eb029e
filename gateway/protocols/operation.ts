import { answerSchema, rankingScore } from '../../lib/models/answer-schema.ts'
import type { DescribedEndpoint } from './protocol.ts'

/** One operation of an OpenAPI document. */
export interface Operation {
  readonly id: string
  readonly summary: string
  /** The endpoint that it is about. */
  readonly endpoint?: string
  /** JSON schemas of the bodies. */
  readonly request?: object
  readonly answer?: object
}

const json = (schema: object): object => ({ 'application/json': { schema } })

/** A schema of predictions, one for each row: numbers, or what several classes are answered by. */
export const predictionsSchema = ({ facts }: Pick<DescribedEndpoint, 'facts'>): object => ({
  type: 'array',
  items: itemOf(facts),
})

function itemOf(facts: DescribedEndpoint['facts']): object {
  if (facts.outputs !== undefined || facts.decision !== undefined) return answerSchema(facts)
  return facts.task === 'ranking' ? rankingScore : { type: 'number' }
}

/** A schema of an object whose only key is required. */
export const objectOf = (key: string, value: object): object => ({
  type: 'object',
  properties: { [key]: value },
  required: [key],
})

/** @returns an Operation Object (OpenAPI 3.1, 4.8.10) */
export function operation({ id, summary, endpoint, request, answer }: Operation): object {
  return {
    ...(endpoint !== undefined && { tags: [endpoint] }),
    operationId: id,
    summary,
    ...(request !== undefined && { requestBody: { required: true, content: json(request) } }),
    responses: {
      '200': { description: 'Done', ...(answer !== undefined && { content: json(answer) }) },
      ...(request !== undefined && {
        '400': {
          description: 'The request is wrong; the error says where',
          content: json({ $ref: '#/components/schemas/Error' }),
        },
        '503': { description: 'More requests than can be answered; see Retry-After' },
      }),
    },
  }
}
