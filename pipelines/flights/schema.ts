import { z } from 'zod'

const airport = z.string().regex(/^[A-Z]{3}$/)

/** US domestic flights, January to June 2001. */
export const Flight = z.object({
  /** Scheduled departure, local time written as UTC. */
  date: z.date(),
  /** Minutes between scheduled and real arrival; early arrivals are negative. */
  delay: z.int().min(-1440).max(2880),
  /** Miles. */
  distance: z.int().positive().max(6000),
  origin: airport,
  destination: airport,
})
