import { type Route, RouteChange, type RouteRollout } from '../../lib/formats/route.ts'
import { writeRoute } from '../../lib/store/routes.ts'
import { awaitApplied } from '../../lib/targets/change-route.ts'
import { hostingIn } from '../sagemaker-fake/hosting.ts'
import type { HostedPlace } from './hosted-place.ts'

/** How a candidate is hosted, and moved to. */
interface Beginning extends Partial<Pick<RouteRollout, 'guardrails'>> {
  readonly hosting?: object
}

/** An endpoint of SageMaker's with what tests do to it, and see of it. */
export function hostedEndpoint(place: HostedPlace, name: string) {
  const { target, server } = place
  const change = async (given: object): Promise<Route> => {
    const route = await writeRoute(server.store, name, RouteChange.parse(given), 'test')
    await target.apply(route)
    return route
  }
  return {
    name,
    open: (number: number, does = {}, hosting = {}) =>
      change({ kind: 'open', variant: place.version(number, does, hosting) }),
    begin: (number: number, mode: string, share: number, does = {}, { hosting = {}, ...more }: Beginning = {}) => {
      const candidate = place.version(number, does, hosting)
      const rollout = { id: 'r', candidate, mode, share, salt: 'r', sticky: null, slowMs: 250, ...more }
      return change({ kind: 'begin', rollout })
    },
    finish: (number: number, promote: boolean) =>
      change({ kind: 'finish', rollout: 'r', candidate: place.version(number), promote }),
    rollback: async (from: number) => change({ kind: 'rollback', from, to: null }),
    change,
    /** @returns why it is not applied; null where it is */
    async applied(route: Route, patienceMs = 20_000): Promise<string | null> {
      const quick = { ...target, pace: { everyMs: 50, patienceMs } }
      const { mismatch } = await awaitApplied(
        quick,
        route,
        (_, ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      )
      return mismatch
    },
    weights: () =>
      Object.fromEntries(
        hostingIn(place.fake.world)
          .endpoints.get(name)
          ?.production.map((each) => [each.request.VariantName?.split('-')[0], each.currentWeight]) ?? [],
      ),
    /** @param counted what windows tell of by then: more where others asked before, or a shadow was asked too */
    async evidence(requests: number, counted = requests) {
      for (let i = 0; i < requests; i++) await place.ask(name)
      const source = `sagemaker-${name}`
      for (;;) {
        const { windows } = await target.evidence(name, { [source]: 0 })
        const told = windows.reduce((sum, each) => sum + each.champion.requests + (each.candidate?.requests ?? 0), 0)
        if (told >= counted) return windows
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    },
  }
}
