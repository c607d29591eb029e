import type { ColumnsOf } from 'slipway'
import type { z } from 'zod'
import type { Month } from './schema.ts'

type Columns = Pick<ColumnsOf<z.infer<typeof Month>>, 'change' | 'index_change'>

/** What the market did in the month that is over, and what the stock did beyond it. */
export function features({ change, index_change }: Columns) {
  return {
    market: index_change,
    beyond: Float32Array.from(change, (own, i) => own - (index_change[i] as number)),
  }
}
