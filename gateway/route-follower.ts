import { mkdirSync } from 'node:fs'
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { canonicalJson } from '../lib/formats/canonical.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import { Route } from '../lib/formats/route.ts'
import { isBroken, readAs } from '../lib/store/broken.ts'
import { listEndpoints, readChangedRoute } from '../lib/store/routes.ts'
import type { Store } from '../lib/store/store.ts'
import type { Endpoints } from './endpoints.ts'
import type { StoreLink } from './store-link.ts'

export interface RouteFollowerOptions {
  readonly store: Store
  readonly endpoints: Endpoints
  readonly link: StoreLink
  /** For copies of the routes as last applied. */
  readonly folder: string
  /** How long a route that cannot be read is left alone, ms. */
  readonly brokenMs: number
  note(what: string): void
  /** Tells others what is applied now. */
  tell(): Promise<void>
}

/** A version that could not be loaded from a store that was away is tried again after this, ms. */
const retryMs = 2_000

/** Has the endpoints follow the routes of the store. */
export class RouteFollower {
  private readonly options: RouteFollowerOptions
  /** By endpoint: the route as last seen, and until when it is left alone. */
  private readonly seen = new Map<string, { readonly etag: string | undefined; readonly retryAt: number }>()
  /** By endpoint: what was said of a route that cannot be read. */
  private readonly broken = new Map<string, string>()
  private readonly applying = new Set<Promise<void>>()

  constructor(options: RouteFollowerOptions) {
    this.options = options
    mkdirSync(options.folder, { recursive: true })
  }

  /** Looks for endpoints that are new. @throws when the store does not answer */
  async findEndpoints(): Promise<void> {
    const { store, link } = this.options
    for (const name of await listEndpoints(store))
      if (!this.seen.has(name)) this.seen.set(name, { etag: undefined, retryAt: 0 })
    link.answered()
  }

  /**
   * Looks at the routes of all known endpoints, and begins to apply those that changed.
   * @throws when the store does not answer
   */
  async look(): Promise<void> {
    await Promise.all([...this.seen.keys()].map((name) => this.lookAt(name)))
    if (this.seen.size > 0) this.options.link.answered()
  }

  /** Applies what was applied last, by the copies in the folder; those that are broken count for nothing. */
  async restore(only?: string): Promise<void> {
    const { folder, note } = this.options
    for (const file of await readdir(folder)) {
      if (!file.endsWith('.json') || (only !== undefined && file !== `${only}.json`)) continue
      const route = readAs(await readFile(join(folder, file)), Route)
      if ('value' in route) await this.apply(route.value)
      else note(`the copy ${file} of a route is passed over: ${route.why}`)
    }
  }

  /** Waits until what is being applied now is applied, or refused. */
  async applied(): Promise<void> {
    await Promise.all(this.applying)
  }

  private async lookAt(name: string): Promise<void> {
    const known = this.seen.get(name)
    if (known !== undefined && known.retryAt > Date.now()) return
    const changed = await readChangedRoute(this.options.store, name, known?.etag).catch((error) =>
      this.passOver(name, error),
    )
    if (changed === undefined) return
    this.broken.delete(name)
    this.seen.set(name, { etag: changed.etag, retryAt: 0 })
    // Not waited for: while one revision loads, a newer one may overtake it.
    const applying = this.apply(changed.route).finally(() => this.applying.delete(applying))
    this.applying.add(applying)
  }

  /**
   * A route that cannot be read: what is applied goes on, or where nothing is, what was applied last; and so do the
   * other endpoints.
   */
  private async passOver(name: string, error: unknown): Promise<undefined> {
    if (!isBroken(error)) throw error
    const { endpoints, brokenMs, note } = this.options
    this.seen.set(name, { etag: undefined, retryAt: Date.now() + brokenMs })
    if (this.broken.get(name) === error.message) return
    this.broken.set(name, error.message)
    note(`${name}: ${error.message}; next: ${error.facts.next}`)
    if (endpoints.get(name)?.route === undefined) await this.restore(name)
  }

  /** Applies a route and keeps a copy of it for a start with the store away. */
  private async apply(route: Route): Promise<void> {
    const { endpoints, note, tell } = this.options
    const endpoint = endpoints.getOrMake(route.endpoint)
    const before = endpoint.route?.revision ?? 0
    try {
      await endpoint.apply(route)
      if (endpoint.route?.revision === route.revision && before !== route.revision) {
        await this.keep(route)
        note(`${route.endpoint}: revision ${route.revision} applied`)
      }
    } catch (error) {
      const stays = before === 0 ? 'nothing is' : `revision ${before} stays`
      note(`${route.endpoint}: revision ${route.revision} is refused, ${stays} served: ${(error as Error).message}`)
      // A store that was away may be back; anything else changes only with the route.
      if (error instanceof SlipwayError && error.retryable)
        this.seen.set(route.endpoint, { etag: undefined, retryAt: Date.now() + retryMs })
    }
    await tell()
  }

  private async keep(route: Route): Promise<void> {
    const file = join(this.options.folder, `${route.endpoint}.json`)
    try {
      await writeFile(`${file}.new`, canonicalJson(route))
      await rename(`${file}.new`, file)
    } catch (error) {
      // It is applied all the same.
      this.options.note(`${route.endpoint}: no copy of revision ${route.revision} is kept: ${(error as Error).message}`)
      await rm(`${file}.new`, { force: true })
    }
  }
}
