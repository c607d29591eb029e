import { z } from 'zod'

/** Daily weather of Seattle, 2012 to 2015. */
export const Day = z.object({
  date: z.date(),
  /** Millimetres. */
  precipitation: z.number().min(0).max(200),
  /** Degrees Celsius. */
  temp_max: z.number().min(-30).max(50),
  temp_min: z.number().min(-40).max(40),
  /** Metres a second. */
  wind: z.number().min(0).max(60),
  weather: z.enum(['drizzle', 'rain', 'sun', 'snow', 'fog']),
})
