import { chownSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Attacked, openAttacked } from '../support/attacked.ts'
import { eventually } from '../support/gateways.ts'

const nobody = { uid: 65_534, gid: 65_534 }
/** Only root starts processes of another user. */
const isRoot = process.getuid?.() === 0

let place: Attacked
let home: string

beforeAll(async () => {
  place = await openAttacked()
  home = mkdtempSync(join(tmpdir(), 'slipway-second-'))
  chownSync(home, nobody.uid, nobody.gid)
})
afterAll(async () => {
  await place.close()
  rmSync(home, { recursive: true, force: true })
})

it.skipIf(!isRoot)('starts workers beside those of the first one, and they do its work', async () => {
  const started = async (name: string, user?: typeof nobody) => {
    const own = join(home, name)
    const ready = join(own, 'ready.json')
    mkdirSync(own)
    if (user !== undefined) chownSync(own, user.uid, user.gid)
    const settings = { SLIPWAY_ROOT: own, SLIPWAY_CACHE: join(own, 'cache'), HOME: own, SLIPWAY_READY_FILE: ready }
    const worker = place.startWorker(settings, user)
    const early = worker.ended.then((code) => {
      throw new Error(`the worker ended with ${code}: ${worker.said()}`)
    })
    await Promise.race([eventually(() => existsSync(ready)), early])
    early.catch(() => {})
    return worker
  }
  const first = await started('first')
  const second = await started('second', nobody)
  await first.kill()
  const run = await place.run(['run', 'loans', '--wait', '--json'])
  expect(run, run.stderr + second.said()).toMatchObject({ code: 0 })
  // Nor does what a worker leaves that was killed stand in the way of the next one.
  await second.kill()
  await started('third', nobody)
  await started('fourth')
})
