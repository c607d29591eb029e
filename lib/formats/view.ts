import { z } from 'zod'
import { Digest } from './artifact.ts'
import { Name } from './step-id.ts'

/** What a pipeline published last of a view. */
const ViewUse = z.object({ definition: Digest, run: z.string() })

/** A view as it is published: the value of the ref `views/<name>`, which its owner workflow alone writes. */
export const PublishedView = z.object({
  slipway: z.literal('view/1'),
  name: Name,
  /** Counts the publications, from 1: the generation of the ref. */
  revision: z.int().positive(),
  /** Digest of what the view is: its code or SQL, its schema, its key; neither paths nor sources. */
  definition: Digest,
  /** The revision that brought this definition: a definition that went and came back is another one. */
  since: z.int().positive(),
  /** The table bundle that holds its rows: their order is fixed, and their schema is in its facts. */
  table: z.object({ digest: Digest, rows: z.int().nonnegative() }),
  /** Columns that name a row; no value of them is missing. */
  key: z.array(z.string()).min(1),
  /**
   * Column of times: when a row became known. Of one key the row known last counts, of two known at once the later one
   * of the table; a row without a time was never known. Null: a key has one row.
   */
  known: z.string().nullable(),
  /** ISO time. */
  publishedAt: z.iso.datetime(),
  /** The run that published it. */
  run: z.string(),
  /** The pipelines that ever published it, by name, each with its definition then. */
  pipelines: z.record(Name, ViewUse),
})
export type PublishedView = z.infer<typeof PublishedView>

/** What the planning of a run saw of a view. */
export interface SeenView {
  /** `since` of the definition that was published; null where none was. */
  readonly since: number | null
  /** Somebody said that the view is to change, whoever uses it. */
  readonly isChange?: true
}
