import { z } from 'zod'
import type { DerivedTable } from '../data/derive.ts'
import type { LocalTable, Scanned } from '../data/table.ts'
import type { StepOf } from '../formats/plan.ts'
import type { RowSchema } from '../formats/row-schema.ts'

/** A source to look at, and what a plan does with its rows. */
export interface RehearsedSource {
  /** What messages call it. */
  readonly from: string
  readonly table: Scanned & Pick<LocalTable, 'schema'>
  /** Whether the source has files besides those of the table. */
  readonly isPart: boolean
  /** Share of bad rows up to which a run goes on; null where nothing checks them. */
  readonly maxBadRows: number | null
  readonly trains: readonly StepOf<'train'>[]
}

/** The SQL of a table, and the schemas of the tables it reads. */
export interface RehearsedQuery {
  readonly query: DerivedTable
  readonly tables: Readonly<Record<string, RowSchema>>
}

export interface RehearsalOrder {
  readonly queries: readonly RehearsedQuery[]
  readonly sources: readonly RehearsedSource[]
  /** Bundles of user code by their digests. */
  readonly code: Readonly<Record<string, string>>
  /** Finished models by their digests. */
  readonly models?: ReadonlyMap<string, Uint8Array>
  /** An empty folder. */
  readonly folder: string
}

/** What was looked at of each source. */
export const Rehearsals = z.array(
  z.object({
    from: z.string(),
    /** Rows at its beginning that were read. */
    read: z.int(),
    /** Of those, rows that break the contract. */
    broken: z.int(),
    /** Rows that went through the functions. */
    tried: z.int(),
    /** Whether nothing was looked at: that would have meant fetching much. */
    passedOver: z.boolean().optional(),
  }),
)
export type Rehearsal = z.infer<typeof Rehearsals>[number]
