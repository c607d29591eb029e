import { z } from 'zod'
import { RowSchema } from '../row-schema.ts'
import { ArtifactId, Name, readOf, StepId } from '../step-id.ts'
import { stepKind } from './step-kind.ts'
import { count } from './words.ts'

/**
 * Publishes a derived table under a name that pipelines share. What reads the view reads it from here, so nothing is
 * made of a view that was refused. Its record only says that the keys are right: who publishes is the view's owner.
 */
export const publish = stepKind({
  shape: z.object({
    id: StepId,
    kind: z.literal('publish'),
    table: ArtifactId,
    view: Name,
    schema: RowSchema,
    /** Columns that name a row. */
    key: z.array(z.string()).min(1),
    /** Column of times: when a row became known; null where a key has one row. */
    known: z.string().nullable(),
  }),
  schemas: ['schema'],
  refs: ['table'],
  notInKey: ['view', 'schema'],
  version: 1,
  hosts: ['@duckdb/node-api'],
  links: ({ table, view }) => ({ table, view }),
  reads: ({ table }) => ({ table: readOf(table) }),
  activity: { name: 'checkView', within: '2h' },
  planned: ({ view, key }) => `publish • view ${view} by ${key.join(', ')}`,
  made: ({ rows, keys, revision }) =>
    `${count(rows)} rows of ${count(keys)} keys${revision === undefined ? '' : `, revision ${revision}`}`,
})
