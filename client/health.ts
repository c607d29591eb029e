import { probeStore } from '../lib/store/probe.ts'
import { ensureBucket } from '../lib/store/store.ts'
import { sealedSince } from '../lib/store/stored.ts'
import { requireSameStore } from '../workers/same-store.ts'
import { signerOf, trustedKeysOf } from '../workers/settings.ts'
import { taskQueue } from '../workflows/messages.ts'
import type { ClientContext } from './context.ts'
import { recoverLost } from './recover.ts'

/** Whether everything a run needs is there and works. */
export interface HealthDocument {
  readonly healthy: boolean
  readonly findings: readonly { readonly check: string; readonly passed: boolean; readonly detail: string }[]
}

/**
 * Looks at everything a run needs, as `slipway doctor --json` prints it.
 * @param context one that is not patient: what is away is to be found, not waited for
 */
export async function readHealth(context: ClientContext): Promise<HealthDocument> {
  const findings: HealthDocument['findings'][number][] = []
  const check = async (name: string, look: () => Promise<string> | string): Promise<boolean> => {
    try {
      findings.push({ check: name, passed: true, detail: await look() })
      return true
    } catch (error) {
      findings.push({ check: name, passed: false, detail: (error as Error).message })
      return false
    }
  }
  await check('Node', () => {
    const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
    if (major < 20 || (major === 20 && minor < 19)) throw new Error(`${process.version}; 20.19 or later is needed`)
    return process.version
  })
  await check('Temporal', async () => {
    const { connection, client } = await context.temporal()
    const info = await connection.workflowService.getSystemInfo({})
    return `server ${info.serverVersion} at ${context.settings.temporal.connectionOptions.address}, namespace ${client.options.namespace}`
  })
  await check('worker', async () => {
    const { connection, client } = await context.temporal()
    const queue = await connection.workflowService.describeTaskQueue({
      namespace: client.options.namespace,
      taskQueue: { name: taskQueue },
      taskQueueType: 2,
    })
    if (!queue.pollers?.length)
      throw new Error(`nobody polls the task queue "${taskQueue}": start one with \`slipway up\``)
    return `${queue.pollers.length} on task queue "${taskQueue}"`
  })
  const reached = await check('S3 store', async () => {
    await ensureBucket(context.store)
    return context.store.address
  })
  if (reached)
    for (const { check: what, passed } of await probeStore(context.store))
      findings.push({ check: `S3 store ${what}`, passed, detail: passed ? 'yes' : 'no' })
  await check('the store of before', async () => {
    await requireSameStore(context.store, (await context.temporal()).client)
    return 'the one that Temporal has worked with, or the first'
  })
  await check('nothing lost', async () => {
    const { lost } = await recoverLost(context, { dryRun: true })
    if (lost.length > 0)
      throw new Error(
        `Temporal does not know ${lost.map(({ kind, name }) => `${kind} ${name}`).join(', ')}: slipway recover`,
      )
    return 'Temporal knows all that the store says should go on'
  })
  await check('signing', () => {
    const signer = signerOf(context.settings)
    const trusted = trustedKeysOf(context.settings)
    if (signer === undefined) return 'no signing key: code and models stay unsigned (SLIPWAY_SIGNING_KEY)'
    return `key ${signer.keyId}, ${trusted.has(signer.keyId) ? 'trusted here' : 'not among the trusted keys here'}`
  })
  if (reached)
    await check('documents', async () => {
      const since = await sealedSince(context.store)
      return since === undefined
        ? 'not signed: a worker with SLIPWAY_SIGNING_KEY begins it when it starts'
        : `signed since ${new Date(since).toISOString()}; older ones count without a signature`
    })
  return { healthy: findings.every(({ passed }) => passed), findings }
}
