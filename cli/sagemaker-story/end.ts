import type { Answer, FakeSageMaker } from './fake.ts'
import { endpoint, type Scene, times } from './runs.ts'
import { until } from './until.ts'

/** What runs, and what is only there, by name. */
interface Left {
  readonly training: readonly string[]
  readonly transforming: readonly string[]
  readonly endpoints: readonly string[]
  readonly configs: readonly string[]
  readonly models: readonly string[]
  readonly containers: number
}

/** What is left on SageMaker: the endpoint, and once that is deleted nothing. */
export async function cleanUp({ fake, place, telling }: Scene): Promise<void> {
  telling.chapter('7. What is left on SageMaker')
  const before = await leftOn(fake)
  telling.fact(
    inWords(before),
    before.training.length + before.transforming.length === 0 && before.endpoints.join() === 'credit',
  )
  telling.fact(
    times(before.containers, before.containers === 1 ? 'container runs' : 'containers run'),
    before.containers === 1,
  )
  // Its owner would see to it that the endpoint comes back.
  await place.stop()
  await fake.call('DeleteEndpoint', endpoint)
  await until('the end of the endpoint', async () => ((await leftOn(fake)).endpoints.length === 0 ? true : undefined))
  for (const EndpointConfigName of before.configs) await fake.call('DeleteEndpointConfig', { EndpointConfigName })
  for (const ModelName of before.models) await fake.call('DeleteModel', { ModelName })
  const after = await leftOn(fake)
  const names = [after.training, after.transforming, after.endpoints, after.configs, after.models].flat()
  telling.fact(
    `the platform stopped and the endpoint deleted with what belongs to it: ${inWords(after)}; ${after.containers} containers run`,
    names.length === 0 && after.containers === 0,
  )
}

function inWords({ training, transforming, endpoints, configs, models }: Left): string {
  const words = (names: readonly string[], what: string): string =>
    names.length === 0 ? `no ${what}` : `${what} ${names.join(', ')}`
  return [
    words(training, 'training job that goes on'),
    words(transforming, 'transform job that goes on'),
    words(endpoints, 'endpoint'),
    words(configs, 'endpoint configuration'),
    words(models, 'model'),
  ].join('; ')
}

async function leftOn(fake: FakeSageMaker): Promise<Left> {
  const names = async (operation: string, list: string, name: string, request = {}): Promise<string[]> =>
    ((await fake.call(operation, request))[list] as Answer[]).map((each) => each[name])
  const jobs = async (kind: 'Training' | 'Transform'): Promise<string[]> => {
    const going = ['InProgress', 'Stopping'].map((StatusEquals) =>
      names(`List${kind}Jobs`, `${kind}JobSummaries`, `${kind}JobName`, { StatusEquals }),
    )
    return (await Promise.all(going)).flat()
  }
  return {
    training: await jobs('Training'),
    transforming: await jobs('Transform'),
    endpoints: await names('ListEndpoints', 'Endpoints', 'EndpointName'),
    configs: await names('ListEndpointConfigs', 'EndpointConfigs', 'EndpointConfigName'),
    models: await names('ListModels', 'Models', 'ModelName'),
    containers: await fake.containers(),
  }
}
