import type { ModelVersion } from '../../lib/formats/route.ts'
import { loadModel } from '../../lib/models/model.ts'
import { localModel } from '../../lib/models/package.ts'
import { writeRoute } from '../../lib/store/routes.ts'
import type { Store } from '../../lib/store/store.ts'
import type { ProtocolUnderTest } from '../contracts/protocol.ts'
import type { Container } from './container-contract.ts'
import { eventually, startTestGateway } from './gateways.ts'
import { newProject } from './project.ts'
import { packageServed } from './served-models.ts'
import { openTestBucket } from './servers.ts'

/** The model `opt`, packaged, served by a gateway, and scored without one. */
export interface OptModel extends Pick<Container, 'score' | 'gateway' | 'stop'> {
  readonly store: Store
  readonly version: ModelVersion
}

export async function openOptModel(): Promise<OptModel> {
  const bucket = await openTestBucket()
  const { store } = bucket
  const project = newProject()
  const version = await packageServed(project, store, 'opt')
  await writeRoute(store, 'opt', { kind: 'open', variant: version }, 'test')
  const gateway = await startTestGateway(store)
  await eventually(() => gateway.endpoint('opt')?.route !== undefined)
  const model = await loadModel(await localModel({ store, trusted: new Map() }, version.digest))
  return {
    store,
    version,
    score: scorerOf(model),
    async gateway(body) {
      const headers = { 'content-type': 'application/json' }
      return (await fetch(`${gateway.address}/invocations`, { method: 'POST', body, headers })).text()
    },
    async stop() {
      await gateway.stop()
      await model.release()
      await bucket.stop()
      project.remove()
    },
  }
}

const scorerOf =
  (model: Awaited<ReturnType<typeof loadModel>>): ProtocolUnderTest['score'] =>
  async (given) => [
    ...(await model.score({
      day: new Float64Array(given.length).fill(Number.NaN),
      temp: Float64Array.from(given, ({ temp }) => Number(temp ?? Number.NaN)),
      city: given.map(({ city }) => String(city)),
    })),
  ]
