import { timeoutOf } from '../../formats/guardrails.ts'
import { type ModelVersion, type Route, versionsOf } from '../../formats/route.ts'
import type { ReadCaptured } from '../../formats/sagemaker-capture.ts'
import type { TelemetryWindow } from '../../formats/telemetry.ts'
import type { SageMakerClients } from '../../sagemaker/clients.ts'
import { type HostingBegun, publishApplied, publishBegun, readHosted } from '../../store/hosted.ts'
import { findWindow, readRoute, readRouteLog } from '../../store/routes.ts'
import type { Store } from '../../store/store.ts'
import type { Cursors, Target } from '../target.ts'
import { alarmsInWords, whyUnguarded } from './alarms.ts'
import { scaleNoMore, scaleVariants } from './autoscaling.ts'
import { cleanUp } from './clean-up.ts'
import { type DesiredState, desiredStateOf, endpointNameOf, hostingOf, variantOf } from './desired-state.ts'
import { type Counting, collectOrWait, sourceOf } from './evidence.ts'
import { describeEndpoint, type Hosts, mend, type There, tagRevision, tagUpdated, takeStep } from './hosted-endpoint.ts'
import { labelSources, readLabels } from './labels.ts'
import { type NextStep, nextStep } from './next-step.ts'
import type { Pace } from './pace.ts'
import { capturePercent, configOf } from './requests.ts'

/** Windows that are read at a time; the next reading takes the rest. */
const windowsAtATime = 100
/** Steps that are taken one after another, at most, before it is said how far they led. */
const stepsAtOnce = 5

/** What the target is made of. */
export interface SageMakerParts {
  readonly store: Store
  readonly clients: SageMakerClients
  readonly pace: Pace
  /** See `Hosts`. */
  archive(version: ModelVersion): Promise<string>
  /** Reads what SageMaker wrote down of requests; missing in processes that read none. */
  readonly readCaptured?: ReadCaptured | undefined
}

/**
 * Amazon SageMaker's endpoints. What a route says becomes production variants with weights, and a shadow variant; what
 * was served is read from CloudWatch. `apply` sets weights only, which is one call; what takes SageMaker minutes is
 * begun and gone on with by `readBack`, which is asked until the route is applied. Both go by the newest revision that
 * is in the store, so one that was late changes nothing.
 */
export function sageMakerTarget({ store, clients, pace, archive, readCaptured }: SageMakerParts): Target {
  const hosts: Hosts & { readonly clients: SageMakerClients } = { clients, bucket: store.bucket, archive }

  /** The route in force; undefined where it serves nothing on SageMaker, or nothing at all. */
  const routeOf = async (endpoint: string): Promise<Route | undefined> => {
    const route = await readRoute(store, endpoint)
    return versionsOfHosted(route).length === 0 ? undefined : route
  }
  const known: Counting['known'] = new Map()
  const spans: Counting['spans'] = new Map()
  const countingOf = (route: Route): Counting => ({
    store,
    clients,
    pace,
    known,
    readCaptured,
    spans,
    name: endpointNameOf(route.endpoint, hostingOf(route)),
  })

  return {
    kind: 'sagemaker',
    pace: { everyMs: pace.everyMs, patienceMs: pace.patienceMs },

    async look(endpoint) {
      const route = await routeOf(endpoint)
      if (route === undefined) return {}
      const counting = countingOf(route)
      const next = await collectOrWait(counting, route)
      return { ...(await labelSources(store, endpoint)), [sourceOf(counting.name)]: { next, serves: true } }
    },

    async apply(given) {
      const route = await routeOf(given.endpoint)
      if (route === undefined || route.revision > given.revision) return
      await begin(store, route)
      const { step, there, desired } = await stepFor(hosts, route.endpoint, desiredStateOf(route), pace)
      if (there === null) return
      if (step.kind === 'refused') return mend(hosts, desired, there)
      if (step.kind !== 'weights') return
      await tagRevision(hosts, there, desired)
      await takeStep(hosts, route.endpoint, desired, step, there)
    },

    async readBack({ endpoint, revision }) {
      const route = await routeOf(endpoint)
      if (route === undefined) return { serving: 0, behind: [], refused: null }
      const { champion } = route
      const name = endpointNameOf(endpoint, hostingOf(route))
      const behind = [`SageMaker endpoint ${name}`]
      if (route.revision < revision) return { serving: 1, behind, refused: null }
      if (route.revision > revision) {
        const why = (await readRouteLog(store, endpoint, route.revision))?.reason ?? `version ${champion.version}`
        return { serving: 1, behind, refused: `revision ${route.revision} has come since: ${why}` }
      }
      const step = await advance({ store, hosts, pace }, route)
      const guardrails = route.rollout?.guardrails
      const shiftsForMs = guardrails && (timeoutOf(guardrails) * 1_000 * pace.periodMs) / 60_000
      const patience = shiftsForMs === undefined ? {} : { patienceMs: pace.patienceMs + shiftsForMs }
      if (step.kind === 'done') return { serving: 1, behind: [], refused: null }
      if (step.kind === 'refused') return { serving: 1, behind, refused: step.why }
      const late = step.kind === 'wait' ? step.why : (behind[0] as string)
      return { serving: 1, behind: [late], refused: null, ...patience }
    },

    async evidence(endpoint, since) {
      const route = await routeOf(endpoint)
      const cursors: Record<string, number> = { ...since }
      if (route === undefined) return { windows: [], cursors }
      const counting = countingOf(route)
      const next = await collectOrWait(counting, route)
      const source = sourceOf(counting.name)
      const until = Date.now() - pace.capturedMs - pace.periodMs
      const labels = await readLabels(store, endpoint, cursors, { own: source, until })
      const { windows, ...read } = await readWindows(store, endpoint, source, next, { ...cursors, ...labels.cursors })
      return { windows: [...windows, ...labels.windows], ...read }
    },
  }
}

const versionsOfHosted = (route: Route | undefined): ModelVersion[] =>
  route === undefined ? [] : versionsOf(route).flatMap((each) => (each?.hosting === undefined ? [] : each))

/** What a step is taken with. */
interface Advancing {
  readonly store: Store
  readonly hosts: Hosts & { readonly clients: SageMakerClients }
  readonly pace: Pace
}

/** Takes steps until there is nothing to do but wait, or the route is applied. */
async function advance({ store, hosts, pace }: Advancing, route: Route): Promise<NextStep> {
  const { endpoint, revision } = route
  const wanted = desiredStateOf(route)
  await begin(store, route)
  for (let taken = 0; ; taken++) {
    const { step, there, desired, isPending } = await stepFor(hosts, endpoint, wanted, pace)
    if (step.kind === 'done') {
      // Once: whoever comes after finds it all done.
      if ((await readHosted(store, endpoint, revision))?.appliedAt !== null) return step
      await scaleVariants(hosts.clients, desired)
      await cleanUp(hosts, endpoint, desired, there?.config ?? '')
      await publishApplied(store, endpoint, revision, Date.now())
      return step
    }
    // Whoever began the update has died before it said so.
    if (there !== null && isPending && there.updated?.revision !== desired.revision)
      await tagUpdated(hosts, there, desired)
    if (step.kind === 'refused' && desired.guardrails !== undefined)
      return { ...step, why: `${step.why}${await alarmsInWords(hosts.clients, desired.guardrails)}` }
    if (step.kind === 'wait' || step.kind === 'refused' || taken === stepsAtOnce) return step
    if (step.kind === 'update' && desired.guardrails !== undefined) {
      const why = await whyUnguarded(hosts.clients, desired.guardrails)
      if (why !== null) return { kind: 'refused', why: `${desired.endpoint} stays as it is: ${why}` }
    }
    if (there !== null && step.kind !== 'delete') await tagRevision(hosts, there, desired)
    if (step.kind === 'update') await scaleNoMore(hosts.clients, desired)
    await takeStep(hosts, endpoint, desired, step, there)
  }
}

async function stepFor(hosts: Hosts, endpoint: string, wanted: DesiredState, { settleMs }: Pace) {
  const there = await describeEndpoint(hosts, wanted.endpoint)
  const desired =
    there !== null && wanted.before !== undefined && isNamedOtherwise(wanted, there) ? wanted.before : wanted
  const { sameBut } = configOf(endpoint, desired, hosts.bucket)
  const isConfigured = there?.config.startsWith(sameBut) === true
  const isPending = there?.pending?.startsWith(sameBut) === true
  return { there, desired, isPending, step: nextStep(desired, there, isConfigured, settleMs) }
}

/** Whether an endpoint's variants have other names than they should. */
const isNamedOtherwise = ({ production }: DesiredState, there: There): boolean =>
  there.production.length !== production.length ||
  !production.every(({ name }) => there.production.some((each) => each.name === name))

/** Puts on record that a revision is set out for: from now on what is counted may be its own. */
async function begin(store: Store, route: Route): Promise<void> {
  const { endpoint, revision, champion, rollout } = route
  // Whatever it was called before, it is under the candidate's name that it gives way.
  const shared = rollout?.guardrails && hostingOf(route, rollout.candidate)
  const { capture } = hostingOf(route, rollout?.candidate ?? champion)
  const served = (version: ModelVersion): HostingBegun['champion'] => ({
    digest: version.digest,
    version: version.version,
    variant: variantOf(version, shared ?? hostingOf(route, version)),
  })
  await publishBegun(store, endpoint, {
    slipway: 'hosting/1',
    revision,
    at: Date.now(),
    champion: served(champion),
    candidate: rollout && served(rollout.candidate),
    ...(capture !== undefined && { capture: capturePercent(capture) / 100 }),
    rollout: rollout && {
      id: rollout.id,
      mode: rollout.mode,
      share: rollout.share,
      sticky: rollout.sticky,
      slowMs: rollout.slowMs,
    },
  })
}

async function readWindows(
  store: Store,
  endpoint: string,
  source: string,
  next: number,
  cursors: Record<string, number>,
): Promise<{ readonly windows: readonly TelemetryWindow[]; readonly cursors: Cursors }> {
  const windows: TelemetryWindow[] = []
  const first = cursors[source]
  if (first === undefined) return { windows, cursors }
  for (let seq = first; seq < Math.min(next, first + windowsAtATime); seq++) {
    const window = await findWindow(store, endpoint, source, seq)
    cursors[source] = seq + 1
    if (window) windows.push(window)
  }
  return { windows, cursors }
}
