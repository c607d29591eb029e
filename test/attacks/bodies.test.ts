import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Attacked, openAttacked } from '../support/attacked.ts'

let place: Attacked

beforeAll(async () => {
  place = await openAttacked()
  const worker = place.startWorker()
  const run = await place.run(['run', 'loans', '--wait', '--json'])
  expect(run, `${run.stderr}${worker.said()}`).toMatchObject({ code: 0 })
  await place.startGateway()
})
afterAll(() => place.close())

const row = { id: 1, day: '2024-01-01', income: 3e4, age: 40, purpose: 'car' }
const megabytes = 7

/** As many of these as come to so many megabytes. */
const filled = (one: string): string => one.repeat(Math.floor((megabytes * 2 ** 20) / one.length))

const ask = async (body: string): Promise<number> => {
  const answer = await fetch(`${place.gateway}/v1/models/credit:predict`, { method: 'POST', body })
  await answer.arrayBuffer()
  return answer.status
}

const small = JSON.stringify({ instances: [row] })
const rows = (): string => `{"instances":[${filled(`${JSON.stringify(row)},`)}${JSON.stringify(row)}]}`

it('a hundred small requests that come after ten large ones are answered before the last of these', async () => {
  const body = rows()
  expect(await ask(small)).toBe(200)
  let due = 10
  const large = Array.from({ length: due }, async () => {
    const status = await ask(body)
    due--
    return status
  })
  // On a busy machine it may refuse one, which is asked again.
  for (let answered = 0; answered < 100; ) if ((await ask(small)) === 200) answered++
  expect(due).toBeGreaterThan(0)
  // One that waited for longer than a request may is told so.
  for (const status of await Promise.all(large)) expect([200, 504]).toContain(status)
})

it.each([
  ['is nested without end', () => `{"instances":${'['.repeat(megabytes * 2 ** 20)}`],
  ['is millions of empty arrays', () => `{"instances":[${filled('[],')}[]]}`],
  ['is one object of many keys', () => `{"instances":[{${Array.from({ length: 500_000 }, (_, i) => `"${i}":1`)}}]}`],
])('a body that %s is refused for what it holds', async (_, bodyOf) => {
  expect(await ask(bodyOf())).toBe(413)
  expect(await ask(small)).toBe(200)
})

it('labels and alerts are refused by their length, before they are here', async () => {
  for (const path of ['/feedback', '/hooks/alertmanager']) {
    const answer = await fetch(`${place.gateway}${path}`, { method: 'POST', body: rows() })
    expect(answer.status).toBe(413)
  }
})
