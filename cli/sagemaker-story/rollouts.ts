import { setTimeout as sleep } from 'node:timers/promises'
import type { FakeSageMaker } from './fake.ts'
import { approve, ended, endpoint, inWords, oneLoan, type Scene, tellModel, times, weightsOf } from './runs.ts'
import { until } from './until.ts'

/** A better candidate takes over through weights, with its worker killed while both serve. */
export async function promote(scene: Scene): Promise<void> {
  const { fake, place, telling } = scene
  telling.chapter('4. A better candidate takes over by a canary of weights, and the worker is killed meanwhile')
  place.define('l2', 1)
  const run = place.begin('run', 'loans', '--wait')
  await approve(scene, run, 2)
  const watched = watch(fake)
  try {
    const both = await until(
      'the candidate’s first share',
      async () => watched.seen().find(({ v2 = 0 }) => v2 > 0),
      run.result,
    )
    const { killed, next } = await place.killWorker()
    telling.fact(`both serve, ${inWords(both)}: worker ${killed} killed by SIGKILL, worker ${next} starts`)
    await run.result
  } finally {
    await watched.stop()
  }
  const { rollout, ...record } = await ended(scene, run, 0)
  tellModel(scene, record)
  telling.fact(`rollout ${rollout?.id}: ${rollout?.outcome}`, rollout?.outcome === 'promoted')
  const weights = watched.seen()
  const texts = weights.map((each) => JSON.stringify(each))
  telling.fact(
    `weights that SageMaker had: ${weights.map(inWords).join('; then ')}`,
    [{ v1: 0.8, v2: 0.2 }, { v1: 0.5, v2: 0.5 }, { v2: 1 }].every((each) => texts.includes(JSON.stringify(each))),
  )
  await tellChanges(scene)
  tellAnswers(scene, watched.answers(), true)
  await tellServing(scene)
}

/** A candidate whose container fails half its requests gets a share, and loses it. */
export async function rollBack(scene: Scene): Promise<void> {
  const { fake, place, telling } = scene
  telling.chapter('5. A candidate that fails is rolled back')
  place.define('l2', 0.5)
  place.define('serving', 'failing:1')
  const run = place.begin('run', 'loans', '--wait')
  await approve(scene, run, 3)
  const watched = watch(fake)
  await run.result.finally(() => watched.stop())
  const { rollout } = await ended(scene, run, 14)
  telling.fact(`rollout ${rollout?.id}: ${rollout?.outcome}, ${rollout?.reason}`, rollout?.outcome === 'rolled back')
  telling.fact(`weights that SageMaker had: ${watched.seen().map(inWords).join('; then ')}`)
  tellAnswers(scene, watched.answers(), false)
  await tellServing(scene)
}

/** Requests all the time, who answers them, and the weights of the endpoint as they change. */
function watch(fake: FakeSageMaker) {
  const answers: Record<string, number> = {}
  const seen: Record<string, number>[] = []
  let isOver = false
  const ask = async (): Promise<void> => {
    for (; !isOver; await sleep(20)) {
      const { status, variant } = await fake.invoke('credit', oneLoan)
      const who = status === 200 ? (variant?.split('-')[0] ?? '') : `failed (${status})`
      answers[who] = (answers[who] ?? 0) + 1
    }
  }
  const look = async (): Promise<void> => {
    for (; !isOver; await sleep(100)) {
      const { ProductionVariants = [] } = await fake.call('DescribeEndpoint', endpoint)
      const weights = weightsOf(ProductionVariants)
      if (JSON.stringify(weights) !== JSON.stringify(seen.at(-1))) seen.push(weights)
    }
  }
  const going = Promise.allSettled([ask(), ask(), ask(), look()])
  return {
    answers: () => answers,
    seen: () => seen,
    async stop() {
      isOver = true
      for (const each of await going) if (each.status === 'rejected') throw each.reason
    },
  }
}

/** How often weights were set, by SageMaker's own log book. */
async function tellChanges({ fake, telling }: Scene): Promise<void> {
  const calls = await fake.log('UpdateEndpointWeightsAndCapacities')
  telling.fact(
    `${times(calls.length, 'UpdateEndpointWeightsAndCapacities')} in SageMaker’s log book`,
    calls.length >= 1,
  )
}

function tellAnswers({ telling }: Scene, answers: Readonly<Record<string, number>>, mustAll: boolean): void {
  const words = Object.entries(answers)
    .map(([who, count]) => `${who} ${count}`)
    .join(', ')
  const failed = Object.keys(answers).some((who) => who.startsWith('failed'))
  telling.fact(`requests meanwhile, by who answered: ${words}${failed ? '' : '; none failed'}`, failed !== mustAll)
}

/** That version 2 alone serves. */
async function tellServing({ fake, telling }: Scene): Promise<void> {
  const { ProductionVariants = [], EndpointStatus } = await fake.call('DescribeEndpoint', endpoint)
  const weights = weightsOf(ProductionVariants)
  telling.fact(
    `endpoint credit is ${EndpointStatus}: ${inWords(weights)}`,
    JSON.stringify(Object.keys(weights)) === '["v2"]',
  )
}
