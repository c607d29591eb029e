import { probabilitiesOf } from './penguins.ts'
import type { Place } from './place.ts'

/** Shares of penguins that are of other species, and how long they are. */
export type Seen = Readonly<{ Macaroni?: number }>

const names = ['Gentoo', 'Adelie', 'Chinstrap'] as const

/** A penguin that comes by, and its species by the law that the rows were made by. */
export function speciesOf(i: number, { Macaroni = 0 }: Seen = {}) {
  const isOther = ((i * 48_271) % 1_000) / 1_000 < Macaroni
  const row = {
    id: i,
    day: '2024-06-01T00:00:00Z',
    bill: isOther ? 80 : 35 + ((i * 7_919) % 200) / 10,
    flipper: 170 + ((i * 104_729) % 60),
    island: i % 2 === 0 ? 'Biscoe' : 'Dream',
  }
  if (isOther) return { row, species: 'Macaroni' }
  const chances = probabilitiesOf(row)
  let chance = ((i * 2_654_435_761) % 1_000) / 1_000
  const place = chances.findIndex((each) => {
    chance -= each
    return chance < 0
  })
  return { row, species: names[place] ?? names[2] }
}

/**
 * Has an endpoint tell penguins apart, asked by JSON and by CSV in turns, and tells it afterwards what they were.
 * @returns answers by version and role
 */
export async function birdsUntil(
  { gateway }: Pick<Place, 'gateway'>,
  ended: Promise<unknown>,
  seen: Seen = {},
): Promise<Record<string, number>> {
  let isOver = false
  void ended.finally(() => {
    isOver = true
  })
  const post = (path: string, body: string, headers: Record<string, string> = {}) =>
    fetch(`${gateway}${path}`, { method: 'POST', body, headers }).catch(() => undefined)
  const answeredBy: Record<string, number> = {}
  const salt = Math.random()
  for (let i = 0; !isOver; i++) {
    const requestId = `bird-${salt}-${i}`
    const { row, species } = speciesOf(i, seen)
    const { id, day, bill, flipper, island } = row
    const answer =
      i % 2 === 0
        ? await post('/v1/models/penguins:predict', JSON.stringify({ instances: [row] }), { 'x-request-id': requestId })
        : await post('/invocations', `id,day,bill,flipper,island\n${id},${day},${bill},${flipper},${island}\n`, {
            'x-request-id': requestId,
            'content-type': 'text/csv',
          })
    if (answer?.status !== 200) throw new Error(`${answer?.status}: ${await answer?.text()}`)
    await answer.arrayBuffer()
    const by = `${answer.headers.get('x-model-version')} ${answer.headers.get('x-slipway-role')}`
    answeredBy[by] = (answeredBy[by] ?? 0) + 1
    await post('/feedback', JSON.stringify([{ requestId, label: species }]))
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return answeredBy
}
