import { z } from 'zod'

/** A month as the package writes it, `Mar 1 2008`: always its first day, though prices are those of its last one. */
const month = z.string().regex(/^(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) 1 (19|20)[0-9]{2}$/)
/** US dollars; points of an index. */
const price = z.number().positive().max(100_000)

/** Each has a model of its own; rows of another stock, which would have none, are refused. */
export const symbols = ['AAPL', 'AMZN', 'GOOG', 'IBM', 'MSFT'] as const

/** What a share cost at the end of a month, adjusted for the splits and dividends that came later. */
export const Quote = z.object({ symbol: z.enum(symbols), date: month, price })

/** Where the S&P 500 stood at the end of a month. */
export const Level = z.object({ date: month, price })

/** A month of the market: when it closed, and by what share the index had risen in it. */
export const IndexMonth = z.object({ closed: z.date(), change: z.number() })

/**
 * A month of a stock: when it closed, by what share the price had risen in it, and by what share it rose in the next.
 */
export const StockMonth = z.object({ symbol: z.string(), closed: z.date(), change: z.number(), next: z.number() })

/** A month of one stock beside the market's. */
export const Month = z.object({ closed: z.date(), change: z.number(), index_change: z.number(), next: z.number() })
