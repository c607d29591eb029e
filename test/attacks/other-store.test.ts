import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Attacked, type AttackedProcess, openAttacked } from '../support/attacked.ts'
import { eventually } from '../support/gateways.ts'

/*
 * The store is lost, or somebody points a worker or a command to another one.
 */
let place: Attacked
let worker: AttackedProcess
const other = { SLIPWAY_BUCKET: 'another-one' }
const polls = (each: AttackedProcess) => eventually(() => each.said().includes('RUNNING'))

beforeAll(async () => {
  place = await openAttacked()
  worker = place.startWorker()
  await polls(worker)
})
afterAll(() => place?.close())

describe('where Temporal has worked with another store', () => {
  it('a worker does not start', async () => {
    const wrong = place.startWorker(other)
    expect(await wrong.ended, wrong.said()).toBe(20)
    expect(wrong.said()).toMatch(/STORE_CHANGED: the store at .*another-one is another one: workflows of the Temporal/)
    expect(wrong.said()).toContain('recover --adopt-store')
  })

  it('no run is begun, and nothing is recovered', async () => {
    for (const command of [['run', 'loans', '--wait'], ['recover']]) {
      const { code, stderr } = await place.run(command, other)
      expect({ code, stderr }).toMatchObject({ code: 20, stderr: expect.stringContaining('STORE_CHANGED') })
    }
    const { code, stdout } = await place.run(['doctor', '--json'], other)
    expect(code).not.toBe(0)
    const { findings } = JSON.parse(stdout) as { findings: { check: string; passed: boolean }[] }
    expect(findings).toContainEqual(expect.objectContaining({ check: 'the store of before', passed: false }))
  })

  it('the right one goes on', async () => {
    const { code, stderr } = await place.run(['run', 'loans', '--wait'])
    expect(code, stderr).toBe(0)
    const { stdout } = await place.run(['doctor', '--json'])
    expect(JSON.parse(stdout).findings).toContainEqual(
      expect.objectContaining({ check: 'the store of before', passed: true }),
    )
  })

  it('one that was lost for good gives way to another one by a command, and then is the wrong one itself', async () => {
    await worker.kill()
    const { code, stderr } = await place.run(['recover', '--adopt-store'], other)
    expect(code, stderr).toBe(0)
    const right = place.startWorker(other)
    await polls(right)
    expect(await place.startWorker().ended).toBe(20)
    const begun = await place.run(['run', 'loans', '--wait'], other)
    expect(begun.code, begun.stderr).toBe(0)
  })
})
