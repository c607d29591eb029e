import type { Named } from '../lib/formats/answers.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import { type ModelVersion, type Route, versionsOf } from '../lib/formats/route.ts'
import type { GatewayPresence, TelemetryWindow, VersionCounts } from '../lib/formats/telemetry.ts'
import type { InferRequest, InferResult } from './ask-version.ts'
import type { Reading } from './bodies/read-apart.ts'
import { Inference, type InferenceOptions, type View } from './inference.ts'
import { loadJoins } from './lookups/joins.ts'
import type { Snapshots } from './lookups/snapshots.ts'
import type { ServedVersion } from './protocols/protocol.ts'
import { type CapturedRow, type Compared, createRecorder, type RecordedWindow, type Recorder } from './recorder.ts'
import type { Scorer } from './scorer.ts'
import type { TensorScorer } from './tensors/scorer.ts'
import type { UserEvents } from './user-events.ts'
import { createVersions, type LoadedRows, type LoadedVersion, type Versions } from './versions.ts'

export interface EndpointOptions extends InferenceOptions {
  /** Loads and warms a version. */
  load(version: ModelVersion): Promise<Scorer | TensorScorer>
  /** What versions look up in, of all endpoints. */
  readonly snapshots: Snapshots
}

const comparedOf = (champion: LoadedVersion, candidate: LoadedVersion | undefined): Compared => ({
  champion: { ...namedOf(champion), baseline: champion.scorer.baseline },
  candidate: candidate && namedOf(candidate),
})

/** What answers of rows are called; those of tensors are compared as tensors. */
const namedOf = (version: LoadedVersion): Named =>
  version.kind === 'rows' ? { task: version.facts.task, outputs: version.facts.outputs } : {}

/** One served name: the versions its route names, loaded; who answers what; and what came of it. */
export class Endpoint {
  readonly name: string
  /** What is loaded, for metadata and readings. */
  readonly versions: Versions
  private view: View | undefined
  /** Recorders of older revisions, until their last requests are counted. */
  private retired: Recorder[] = []
  private users: { rollout: string; events: UserEvents } = { rollout: '', events: new Map() }
  private refused: GatewayPresence['endpoints'][string]['refused'] = null
  private newestAsked = 0
  /** Routes whose versions are being loaded: a revision that is applied meanwhile lets go of none of these. */
  private readonly applying = new Set<Route>()
  private readonly inference: Inference
  private readonly snapshots: Snapshots

  constructor(options: EndpointOptions) {
    this.name = options.name
    this.snapshots = options.snapshots
    this.versions = createVersions(options.load)
    this.inference = new Inference(options, this.versions)
  }

  get route(): Route | undefined {
    return this.view?.route
  }

  /** Since when the candidate gets nothing, for nobody watches the rollout, ISO; undefined while it does. */
  get suspendedAt(): string | undefined {
    return this.view?.suspendedAt
  }

  /** The champion as loaded, for metadata. */
  get champion(): LoadedVersion | undefined {
    return this.view?.champion
  }

  /** A version as requests see it: without what is looked up, with the keys. */
  asked(version: LoadedRows): ServedVersion {
    return this.view?.joins?.of(version)?.asked ?? version
  }

  get refusal(): GatewayPresence['endpoints'][string]['refused'] {
    return this.refused
  }

  /**
   * Applies a revision of the route: loads and warms what it names, then switches in one assignment. Until then, and if
   * something cannot be loaded, what was applied before goes on. A newer revision overtakes one that is still loading.
   * @throws SlipwayError why a version or a snapshot could not be loaded
   */
  async apply(route: Route): Promise<void> {
    if (route.revision <= (this.view?.route.revision ?? 0)) return
    this.newestAsked = Math.max(this.newestAsked, route.revision)
    this.applying.add(route)
    try {
      const [champion, candidate, joins] = await Promise.all([
        this.versions.get(route.champion),
        route.rollout === null ? undefined : this.versions.get(route.rollout.candidate),
        loadJoins(route, this.snapshots, this.view),
      ])
      for (const version of [champion, candidate]) if (version !== undefined) joins?.of(version)
      if (route.revision <= (this.view?.route.revision ?? 0)) return
      const { id = '' } = route.rollout ?? {}
      if (this.users.rollout !== id) this.users = { rollout: id, events: new Map() }
      // A later step of a rollout that nobody watches is not watched either.
      const { route: before, suspendedAt } = this.view ?? {}
      this.serve({
        route,
        champion,
        candidate,
        joins,
        suspendedAt: before?.rollout?.id === route.rollout?.id ? suspendedAt : undefined,
      })
      this.refused = null
    } catch (error) {
      if (route.revision === this.newestAsked)
        this.refused = { revision: route.revision, why: (error as Error).message }
      throw error
    } finally {
      this.applying.delete(route)
      if (this.view !== undefined) this.letGoOfOthers(this.view)
    }
  }

  /**
   * Says whether anybody watches a rollout. While nobody does its candidate gets nothing: the route stays as it is, and
   * windows of that time belong to no rollout.
   * @param rollout its id; nothing changes where another one goes on
   */
  watch(rollout: string, isWatched: boolean): void {
    const { view } = this
    if (view?.route.rollout?.id !== rollout || isWatched === (view.suspendedAt === undefined)) return
    this.serve({ ...view, suspendedAt: isWatched ? undefined : new Date().toISOString() })
  }

  /** From now on requests are answered, and counted, by this. */
  private serve(parts: Omit<View, 'recorder'>): void {
    const { route, champion, candidate, suspendedAt } = parts
    const recorded = suspendedAt === undefined ? route : { ...route, rollout: null, suspended: true }
    const recorder = createRecorder(recorded, comparedOf(champion, candidate), this.users.events, Date.now())
    if (this.view !== undefined) this.retired.push(this.view.recorder)
    this.view = { ...parts, recorder }
  }

  /** What neither the revision in force nor one that is being applied names. */
  private letGoOfOthers({ route, joins }: View): void {
    // The one before stays, so that going back needs no loading.
    if (route.previous !== null) void this.versions.get(route.previous).catch(() => {})
    const named = [route, ...this.applying].flatMap(versionsOf)
    this.versions.keepOnly(new Set(named.flatMap((version) => version?.digest ?? [])))
    this.snapshots.keepOnly(this.name, joins?.snapshots ?? new Set())
  }

  /**
   * Versions that a request may be asked, as they read it.
   * @param version the one it asks for, whatever the route says
   */
  readings(version: number | undefined): readonly Reading[] {
    return this.view === undefined ? [] : this.inference.readings(this.view, version)
  }

  /**
   * Answers a request, see `Inference`.
   * @throws SlipwayError OVERLOADED until the first route is applied, and what that throws
   */
  infer(request: InferRequest): Promise<InferResult> {
    if (this.view !== undefined) return this.inference.infer(this.view, request)
    throw new SlipwayError('OVERLOADED', `endpoint ${this.name} is still loading`, { next: 'try again in a second' })
  }

  /**
   * Closes the windows of this interval: of older revisions whose last requests came in, and of the present one, which
   * comes last.
   * @param wanted close the present one even if nothing happened in it
   */
  async closeWindows(
    now: number,
    wanted: boolean,
  ): Promise<
    (Omit<TelemetryWindow, 'slipway' | 'endpoint' | 'gateway' | 'seq' | 'capture' | 'labels'> & {
      captured: readonly CapturedRow[]
    })[]
  > {
    const { view } = this
    if (view === undefined) return []
    const closed = [...this.retired.map((recorder) => recorder.close(now)), view.recorder.close(now, wanted)].filter(
      (window) => window !== undefined,
    )
    this.retired = this.retired.filter(({ inFlight }) => inFlight > 0)
    const windows = []
    for (const window of closed) {
      windows.push({
        ...window,
        champion: await this.withProfile(window.champion),
        candidate: window.candidate === null ? null : await this.withProfile(window.candidate),
      })
    }
    return windows
  }

  private async withProfile(counts: RecordedWindow['champion']): Promise<VersionCounts> {
    const version = this.versions.byDigest(counts.digest)
    return { ...counts, profile: (await version?.scorer.takeProfile().catch(() => undefined)) ?? {} }
  }

  /** Waits for the answers that are due, then lets all versions go. */
  async close(): Promise<void> {
    await this.versions.close()
  }
}
