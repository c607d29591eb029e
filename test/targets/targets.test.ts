import { expect } from 'vitest'
import type { Gateway } from '../../gateway/gateway.ts'
import type { Route } from '../../lib/formats/route.ts'
import { writeRoute } from '../../lib/store/routes.ts'
import { gatewayRoute } from '../../lib/targets/gateway-route.ts'
import { describeTarget } from '../contracts/target.ts'
import { faultyTarget } from '../support/faulty-target.ts'
import { ask, startTestGateway } from '../support/gateways.ts'
import { packageModel } from '../support/models.ts'
import { loansSql, newProject, writeLoans } from '../support/project.ts'
import { openTestBucket } from '../support/servers.ts'

const version = (number: number) => ({ model: 'loans', version: number, digest: `sha256:${String(number).repeat(64)}` })
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20))

describeTarget('in memory, of the tests', async () => {
  const { target, serve } = faultyTarget({ isSlow: 2 })
  return {
    target,
    routeAt: async (revision): Promise<Route> => ({
      slipway: 'route/1',
      endpoint: 'loans',
      revision,
      champion: version(revision),
      previous: null,
      rollout: null,
    }),
    ask: async (requests) => {
      for (let i = 0; i < requests; i++) serve('loans')
    },
    wait: pause,
    stop: async () => {},
  }
})

describeTarget('of Slipway’s own gateways', async () => {
  const server = await openTestBucket()
  const project = newProject()
  writeLoans(project)
  await project.data('data/loans.parquet', loansSql())
  const first = await packageModel(project, server.store, 'loans', 1)
  const second = await packageModel(project, server.store, 'loans', 2, { trees: '20' })
  const gateways: Gateway[] = [await startTestGateway(server.store), await startTestGateway(server.store)]
  const rollout = {
    id: 'r1',
    candidate: second,
    mode: 'split' as const,
    share: 0.5,
    salt: 'r1',
    sticky: null,
    slowMs: null,
  }
  let turn = 0
  return {
    target: gatewayRoute(server.store),
    routeAt: (revision) =>
      writeRoute(
        server.store,
        'loans',
        revision === 1 ? { kind: 'open', variant: first } : { kind: 'begin', rollout },
        'test',
      ),
    ask: async (requests) => {
      for (let i = 0; i < requests; i++) {
        const gateway = gateways[turn++ % gateways.length] as Gateway
        const body = { instances: [{ income: 30_000, age: 40, purpose: 'car', id: i, day: '2024-01-01T00:00:00Z' }] }
        const answer = await ask(gateway, 'POST', '/v1/models/loans:predict', body)
        expect(answer.status).toBe(200)
      }
    },
    wait: pause,
    stop: async () => {
      await Promise.all(gateways.map((gateway) => gateway.stop()))
      await server.stop()
      project.remove()
    },
  }
})
