import { type Client, WorkflowNotFoundError } from '@temporalio/client'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { Store } from '../lib/store/store.ts'
import { ensureStoreId, readStoreId } from '../lib/store/store-id.ts'
import { memoryOfStore, taskQueue } from '../workflows/messages.ts'

/** What a namespace knows of the store that its workflows work with. */
interface KnownStore {
  readonly id: string
  readonly address: string
}

/**
 * Makes sure that a namespace of Temporal works with one store for ever: owners, rollouts and runs that it knows rest
 * on what is there. The first worker says which one that is.
 * @throws SlipwayError STORE_CHANGED
 */
export async function beginWithStore(store: Store, client: Client): Promise<void> {
  const id = await ensureStoreId(store)
  if ((await readKnown(client)) === undefined)
    await client.workflow.start('rememberStore', {
      workflowId: memoryOfStore,
      workflowIdConflictPolicy: 'USE_EXISTING',
      taskQueue,
      memo: { store: { id, address: store.address } satisfies KnownStore },
      staticSummary: `The store of this namespace: ${store.address}`,
    })
  // Another worker may have been first.
  requireKnown(await readKnown(client), id, store, client)
}

/** The same for those who only ask. @throws SlipwayError STORE_CHANGED */
export async function requireSameStore(store: Store, client: Client): Promise<void> {
  const [id, known] = await Promise.all([readStoreId(store), readKnown(client)])
  requireKnown(known, id, store, client)
}

/** Has a namespace work with another store from now on: the one of before is lost, or this is a new one on purpose. */
export async function adoptStore(store: Store, client: Client): Promise<void> {
  const known = await readKnown(client)
  if (known !== undefined && known.id !== (await ensureStoreId(store)))
    await client.workflow.getHandle(memoryOfStore).terminate(`${store.address} takes its place`)
  await beginWithStore(store, client)
}

async function readKnown(client: Client): Promise<KnownStore | undefined> {
  try {
    const { memo, status } = await client.workflow.getHandle(memoryOfStore).describe()
    return status.name === 'RUNNING' ? (memo?.store as KnownStore) : undefined
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined
    throw error
  }
}

function requireKnown(known: KnownStore | undefined, id: string | undefined, { address }: Store, client: Client): void {
  if (known === undefined || known.id === id) return
  const { namespace } = client.options
  const place = known.address === address ? 'there before' : `at ${known.address}`
  throw new SlipwayError(
    'STORE_CHANGED',
    `the store at ${address} is another one: workflows of the Temporal namespace "${namespace}" work with the one that was ${place}`,
    {
      next: 'point S3_ENDPOINT and SLIPWAY_BUCKET to that one; where it is lost for good, `slipway recover --adopt-store` goes on with this one (embedded: `slipway up --adopt-store`)',
    },
  )
}
