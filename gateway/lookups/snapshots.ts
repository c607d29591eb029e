import { Worker } from 'node:worker_threads'
import { builtFile } from '../../lib/code/host.ts'
import { shortDigest } from '../../lib/formats/artifact.ts'
import { canonicalJson } from '../../lib/formats/canonical.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import type { DescribedSnapshot, Snapshot } from '../../lib/formats/lookup.ts'
import type { ColumnRule } from '../../lib/formats/row-schema.ts'
import { localSnapshot } from '../../lib/store/snapshots.ts'
import type { Store } from '../../lib/store/store.ts'
import type { PackOrder } from './pack-snapshot.ts'
import type { PackedTable } from './packed-table.ts'
import type { PackAnswer } from './snapshot-thread.ts'

/** A snapshot in memory, with the columns that somebody looks up in it. */
export interface LoadedSnapshot extends DescribedSnapshot {
  readonly table: PackedTable
}

/** The snapshots of a gateway, each loaded once, for however many endpoints. */
export interface Snapshots {
  /**
   * Loads a snapshot for an endpoint, or joins who is loading it.
   * @param columns those of its table that are looked up
   * @throws SlipwayError DIGEST_MISMATCH, DOCUMENT_BROKEN, TABLE_SCHEMA, LOOKUP_TOO_LARGE, STORE_UNREACHABLE
   */
  get(endpoint: string, snapshot: Snapshot, columns: readonly string[]): Promise<LoadedSnapshot>
  /** Lets go of all that an endpoint had and that are none of these, unless others have them. */
  keepOnly(endpoint: string, used: ReadonlySet<LoadedSnapshot>): void
  /** Bytes of those that are loaded. */
  bytes(): number
}

interface Entry {
  readonly view: string
  readonly loading: Promise<LoadedSnapshot>
  loaded: LoadedSnapshot | undefined
  readonly users: Set<string>
}

/**
 * @param limit bytes that the snapshots of all views may take together. While one takes the place of another, both are
 * there: of a view the one that is loaded counts.
 */
export function createSnapshots(store: Store, limit: number): Snapshots {
  const entries = new Map<string, Entry>()
  let queue: Promise<unknown> = Promise.resolve()

  const bytesOf = (counts: (entry: Entry) => boolean): number =>
    [...entries.values()].filter(counts).reduce((sum, { loaded }) => sum + (loaded?.table.bytes ?? 0), 0)

  const load = async (snapshot: Snapshot, columns: readonly string[]): Promise<LoadedSnapshot> => {
    const { files, ...described } = await localSnapshot(store, snapshot)
    const rules = [...snapshot.key, ...columns].map((name) => ruleOf(described, name))
    const table = await packApart(described, {
      files,
      keys: rules.slice(0, snapshot.key.length),
      known: snapshot.known,
      until: Date.parse(snapshot.publishedAt),
      columns: rules.slice(snapshot.key.length),
      limit: limit - bytesOf(({ view }) => view !== snapshot.view),
    })
    return { ...described, table }
  }
  return {
    get(endpoint, snapshot, columns) {
      const id = canonicalJson({ ...snapshot, revision: undefined, columns: [...columns].sort() })
      const known = entries.get(id)
      if (known !== undefined) {
        known.users.add(endpoint)
        return known.loading.then((loaded) => ({ ...loaded, ...snapshot }))
      }
      // One after another: what each may take depends on what is there.
      const loading = queue.then(() => load(snapshot, columns))
      queue = loading.catch(() => {})
      const entry: Entry = { view: snapshot.view, loading, loaded: undefined, users: new Set([endpoint]) }
      entries.set(id, entry)
      loading.then(
        (loaded) => {
          entry.loaded = loaded
        },
        () => entries.delete(id),
      )
      return loading
    },
    keepOnly(endpoint, used) {
      const tables = new Set([...used].map(({ table }) => table))
      for (const [id, { loaded, users }] of entries) {
        // What is being loaded is for a newer revision.
        if (loaded === undefined || tables.has(loaded.table)) continue
        users.delete(endpoint)
        if (users.size === 0) entries.delete(id)
      }
    },
    bytes: () => bytesOf(() => true),
  }
}

function ruleOf({ view, digest, schema }: DescribedSnapshot, name: string): ColumnRule {
  const rule = schema.find((each) => each.name === name)
  if (rule !== undefined) return rule
  throw new SlipwayError('TABLE_SCHEMA', `snapshot ${shortDigest(digest)} of view "${view}" has no column "${name}"`, {
    next: 'publish the view with it, or correct the lookup of p.deploy and run the pipeline',
  })
}

/** Reads a snapshot in a thread of its own. */
async function packApart({ view, digest }: Snapshot, order: PackOrder): Promise<PackedTable> {
  const thread = new Worker(builtFile('snapshot-thread'), { workerData: order })
  const answer = await new Promise<PackAnswer>((resolve, reject) => {
    thread.once('message', resolve)
    thread.once('error', reject)
    thread.once('exit', (code) => reject(new Error(`its thread ended with ${code}`)))
  }).catch((error: Error): PackAnswer => ({ failed: { code: 'INTERNAL', message: error.message } }))
  void thread.terminate()
  if ('table' in answer) return answer.table
  const { code, message } = answer.failed
  throw new SlipwayError(code, `snapshot ${shortDigest(digest)} of view "${view}" cannot be loaded: ${message}`, {
    next: code === 'LOOKUP_TOO_LARGE' ? 'give gateways more: SLIPWAY_LOOKUP_MB' : 'publish the view again',
  })
}
