import { join } from 'node:path'
import { InvokeEndpointCommand } from '@aws-sdk/client-sagemaker-runtime'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { RolloutRecord } from '../../lib/formats/records.ts'
import { type SageMakerClients, sageMakerClients } from '../../lib/sagemaker/clients.ts'
import { readRolloutEnd } from '../../lib/store/rollouts.ts'
import { whyNoContainers } from '../sagemaker-fake/containers.ts'
import { hostingIn } from '../sagemaker-fake/hosting.ts'
import { type Fake, startFake } from '../sagemaker-fake/server.ts'
import { type CanaryPlace, openCanaryPlace } from '../support/canary-place.ts'
import { expectUserError } from '../support/cli.ts'
import { eventually } from '../support/gateways.ts'
import { fakeRole, fakeSettings, useFake } from '../support/sagemaker.ts'

/*
 * An endpoint on a fake of SageMaker, which really runs our container's server: deployed and rolled out by the command
 * line, by a worker of its own that is killed in the middle. A second of the fake is a minute of SageMaker.
 */
let place: CanaryPlace
let fake: Fake
let clients: SageMakerClients
const why = whyNoContainers()

const images = {
  'slipway:1': {
    serve: [process.execPath, join(packageRoot, 'dist/serve.js')],
    env: { SLIPWAY_GATEWAY_HOST: '127.0.0.1' },
  },
  'failing:1': {
    serve: [process.execPath, join(packageRoot, 'test/support/stand-in-model.mjs')],
    env: { STAND_IN: JSON.stringify({ failing: 0.5 }) },
  },
}

beforeAll(async () => {
  if (why !== undefined) return
  fake = await startFake({ images, s3: () => place.store.store.client })
  place = await openCanaryPlace({ ...fakeSettings(fake.address), SLIPWAY_SAGEMAKER_PERIOD_MS: '1000' })
  useFake(fake)
  clients = sageMakerClients()
})
afterAll(async () => {
  clients?.destroy()
  await fake?.stop()
  await place?.close()
})

const on = (image: string, more = ''): string =>
  `target: sagemakerEndpoint({ image: '${image}', role: '${fakeRole}', instance: 'ml.m5.large'${more} })`
const watch = 'watch: [errors.notWorseBy(0.05), latency.over(2000).notWorseBy(0.2)]'
const canary = `canary: { steps: [20, 50], minSamples: 30, ${watch} }`

const guardrails = "guardrails: { alarms: ['errors'], canary: { percent: 50 }, wait: '20m' }"

const row = { id: 1, day: '2024-01-01T00:00:00Z', income: 30_000, age: 40, purpose: 'car' }
async function ask(): Promise<string | undefined> {
  const command = new InvokeEndpointCommand({
    EndpointName: 'credit',
    ContentType: 'application/json',
    Body: JSON.stringify({ instances: [row] }),
  })
  return (await clients.runtime.send(command).catch(() => undefined))?.InvokedProductionVariant
}

/** Asks all the time while something happens. @returns who answered how often; `nobody` for failures */
async function withTraffic<T>(work: () => Promise<T>): Promise<{ result: T; answers: Record<string, number> }> {
  const answers: Record<string, number> = {}
  let isOver = false
  const askers = Array.from({ length: 3 }, async () => {
    while (!isOver) {
      const who = (await ask()) ?? 'nobody'
      answers[who] = (answers[who] ?? 0) + 1
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  })
  try {
    return { result: await work(), answers }
  } finally {
    isOver = true
    await Promise.all(askers)
  }
}

const weights = (): Record<string, number> =>
  Object.fromEntries(
    (fakeEndpoint()?.production ?? []).map((each) => [
      each.request.VariantName?.split('-')[0] ?? '',
      each.currentWeight,
    ]),
  )
const fakeEndpoint = () => hostingIn(fake.world).endpoints.get('credit')

describe.skipIf(why !== undefined)(`an endpoint on SageMaker${why === undefined ? '' : ` (${why})`}`, () => {
  it('opens with the first version, served by our container', async () => {
    place.define(10, `${canary}, ${on('slipway:1')}`)
    const result = await place.run('run', 'loans', '--wait', '--json')
    expect(result, result.stderr).toMatchObject({ code: 0 })
    expect(await place.route()).toMatchObject({ revision: 1, champion: { version: 1, hosting: { kind: 'sagemaker' } } })
    expect(await ask()).toMatch(/^v1-/)
  })

  it('promotes a candidate that is no worse through weights, with its worker killed in the middle', async () => {
    place.define(12, `${canary}, ${on('slipway:1')}`)
    const { result, answers } = await withTraffic(async () => {
      const running = place.run('run', 'loans', '--wait', '--json')
      await eventually(async () => (weights().v2 ?? 0) > 0)
      place.worker.kill()
      return running
    })
    expect(result, result.stderr).toMatchObject({ code: 0 })
    const { rollout } = JSON.parse(result.stdout)
    expect(rollout.outcome).toBe('promoted')
    const record = RolloutRecord.parse(await readRolloutEnd(place.store.store, rollout.id))
    expect(record.decisions.map(({ stage, action }) => `${stage} ${action}`)).toEqual([
      '20 % advance',
      '20 % advance',
      '50 % promote',
    ])
    // Nobody was refused while instances and weights changed.
    expect(answers.nobody).toBeUndefined()
    expect(weights()).toEqual({ v2: 1 })
  })

  it('rolls a candidate back that fails, exit 14, and gives its instances up', async () => {
    place.define(13, `${canary}, ${on('failing:1')}`)
    const { result } = await withTraffic(() => place.run('run', 'loans', '--wait', '--json'))
    expect(result, result.stderr).toMatchObject({ code: 14 })
    expect(JSON.parse(result.stdout).rollout.reason).toContain('errors: candidate')
    expect(weights()).toEqual({ v2: 1 })
    expect(hostingIn(fake.world).configs.size).toBe(1)
  })

  it('goes back by one command to the version before', async () => {
    const { code, stderr } = await place.run('rollback', 'credit', '--reason', 'it burns')
    expect(code, stderr).toBe(0)
    await eventually(async () => (await ask())?.startsWith('v1-') === true)
    expect(await place.route()).toMatchObject({ champion: { version: 1 } })
  })

  it('ends with what SageMaker says where a container does not start, and is tried anew', async () => {
    place.define(14, `allAtOnce: true, ${on('nobody:1')}`)
    const refused = await place.run('run', 'loans', '--wait', '--json')
    expect(refused.code).toBe(14)
    expect(refused.stdout).toContain('Requested image nobody:1 not found')
    expect(await ask()).toMatch(/^v1-/)
  })

  it('moves by SageMaker’s own guardrails, in one update, where no alarm goes off', async () => {
    hostingIn(fake.world).alarms.set('errors', 'OK')
    place.define(15, `${guardrails}, ${on('slipway:1', ', count: 2')}`)
    const { result, answers } = await withTraffic(() => place.run('run', 'loans', '--wait', '--json'))
    expect(result, result.stderr).toMatchObject({ code: 0 })
    const { rollout } = JSON.parse(result.stdout)
    expect(rollout).toMatchObject({
      outcome: 'promoted',
      reason: 'SageMaker has moved everything, and no alarm went off',
    })
    const record = RolloutRecord.parse(await readRolloutEnd(place.store.store, rollout.id))
    expect(record.decisions.map(({ stage, action }) => `${stage} ${action}`)).toEqual([
      '100 % advance',
      '100 % promote',
    ])
    expect(fakeEndpoint()?.shifted).toEqual([0.5, 1])
    expect(answers.nobody).toBeUndefined()
    expect(await ask()).toBe('AllTraffic')
  })

  it('is rolled back where an alarm goes off, exit 14, though its worker is killed meanwhile', async () => {
    const before = fakeEndpoint()?.production[0]?.request.ModelName
    place.define(16, `${guardrails}, ${on('slipway:1', ', count: 2')}`)
    const running = place.run('run', 'loans', '--wait', '--json')
    await eventually(async () => fakeEndpoint()?.shifting?.share === 0.5)
    place.worker.kill()
    hostingIn(fake.world).alarms.set('errors', 'ALARM')
    const result = await running
    expect(result, result.stderr).toMatchObject({ code: 14 })
    expect(JSON.parse(result.stdout).rollout.reason).toMatch(/took the update of credit back.*in ALARM: errors/)
    expect(fakeEndpoint()?.production[0]?.request.ModelName).toBe(before)
    expect(await ask()).toBe('AllTraffic')
  })

  it('of a version that is hosted otherwise says where that does not start, and what was hosted goes on', async () => {
    place.define(15, `${guardrails}, ${on('nobody:1', ', count: 2')}`)
    const refused = await place.run('run', 'loans', '--wait', '--json')
    expect(refused, refused.stderr).toMatchObject({ code: 20 })
    expect(refused.stdout).toContain('Requested image nobody:1 not found')
    expect(await ask()).toBe('AllTraffic')
    place.define(15, `${guardrails}, ${on('slipway:1', ', count: 2')}`)
    const mended = await place.run('run', 'loans', '--wait', '--json')
    expect(mended, mended.stderr).toMatchObject({ code: 0 })
  })

  it('is refused at planning where SageMaker lacks something', async () => {
    const how = 'serverless: { memoryMb: 2048, maxConcurrency: 5 }'
    place.define(10, `${canary}, target: sagemakerEndpoint({ image: 'a', role: '${fakeRole}', ${how} })`)
    place.define(10, `${guardrails}, ${on('slipway:1', ', count: 2')}`)
    const simulated = await place.run('rollout', 'simulate', 'loans', '--traffic', '100/min')
    expect(expectUserError(simulated, 2, 'USAGE')).toContain('alarms decide')
    place.define(10, guardrails)
    expect(expectUserError(await place.run('run', 'loans'), 2, 'DEFINITION_INVALID')).toContain('SageMaker’s own')
    place.define(10, `${canary}, target: sagemakerEndpoint({ image: 'a', role: '${fakeRole}', ${how} })`)
    const words = 'canary: serverless endpoints have no second production variant'
    expect(expectUserError(await place.run('run', 'loans'), 2, 'DEFINITION_INVALID')).toContain(words)
  })
})
