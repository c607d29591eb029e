import type { Route } from '../../lib/formats/route.ts'
import { readRoute } from '../../lib/store/routes.ts'
import { eventually } from './gateways.ts'
import { openPlace, type Place } from './place.ts'
import { loansSql, writeLoans } from './project.ts'

/** What became of traffic. */
interface Traffic {
  readonly sent: number
  readonly failed: Readonly<Record<string, number>>
  readonly answeredBy: Readonly<Record<string, number>>
}

/** A place whose pipeline `loans` is deployed to the endpoint `credit` by canary rollouts. */
export interface CanaryPlace extends Place {
  /**
   * Writes the pipeline with so many trees, which makes another model of about the same quality.
   * @param monitor how the endpoint is watched, where it is
   */
  define(trees: number, deploy: string, monitor?: string): void
  route(): Promise<Route>
  /** What the candidate gets of the traffic, 0 to 1. */
  share(): Promise<number>
  /** Resolves when the gateway answers for the endpoint. */
  untilServed(): Promise<void>
  /** Sends traffic while something happens. @returns what became of it */
  withTraffic<T>(args: string[], work: () => Promise<T>): Promise<{ result: T; traffic: Traffic }>
}

const watch = 'watch: [errors.notWorseBy(0.01), latency.over(500).notWorseBy(0.05)]'
/** The policy of a rollout. */
export const canary = (over = ''): string => `canary: { steps: [5, 25, 50], minSamples: 30, ${watch}, ${over} }`

/** @param settings of worker, gateway and commands */
export async function openCanaryPlace(settings: Readonly<Record<string, string>> = {}): Promise<CanaryPlace> {
  const place = await openPlace({ SLIPWAY_CAPTURE_RATE: '1', ...settings })
  await place.project.data('data/loans.parquet', loansSql())
  const route = async (): Promise<Route> => (await readRoute(place.store.store, 'credit')) as Route
  return {
    ...place,
    route,
    share: async () => (await route()).rollout?.share ?? 0,
    define(trees, deploy, monitor) {
      const deployed = `p.deploy(candidate, { endpoint: 'credit', ${deploy} })`
      writeLoans(place.project, {
        body: `import { auc, binary, errors, labelErrors, latency, pipeline, psi, sagemakerEndpoint, scores, trees } from 'slipway'
import { features } from './features.ts'
import { Loan } from './schema.ts'
import { bad } from './target.ts'

export default pipeline('loans', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const parts = p.split(p.validate(loans), { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const model = p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner: trees({ trees: ${trees}, leaves: 7, minRowsPerLeaf: 10 }), seed: 1 })
  const candidate = p.package(model)
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.6)], champion: 'not compared' })
  ${monitor === undefined ? deployed : `p.monitor(${deployed}, ${monitor})`}
})
`,
      })
    },
    untilServed: () =>
      eventually(
        async () => (await fetch(`${place.gateway}/v2/models/credit/ready`).catch(() => undefined))?.ok === true,
      ),
    async withTraffic(args, work) {
      const traffic = place.begin(
        'traffic',
        'credit',
        '--from',
        'data/loans.parquet',
        '--rate',
        '300',
        '--json',
        ...args,
      )
      try {
        const result = await work()
        traffic.interrupt()
        return { result, traffic: JSON.parse((await traffic.result).stdout) as Traffic }
      } finally {
        traffic.interrupt()
      }
    },
  }
}

/** The same, with a first version that serves. */
export async function openServedCanaryPlace(): Promise<CanaryPlace> {
  const place = await openCanaryPlace()
  place.define(10, canary())
  const { code, stderr } = await place.run('run', 'loans', '--wait', '--json')
  if (code !== 0) throw new Error(stderr)
  await place.untilServed()
  return place
}
