import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import getPort from 'get-port'
import { packageRoot } from '../../lib/code/host.ts'
import type { Store } from '../../lib/store/store.ts'
import { eventually } from './gateways.ts'
import { bucketSettings } from './servers.ts'

/** The built gateway as a process of its own. */
export interface GatewayProcess {
  readonly address: string
  readonly port: number
  readonly pid: number
  /** Sends SIGTERM. @returns its exit code, when it has ended */
  stop(): Promise<number | null>
  /** Sends SIGINT: a drain that goes on ends now. */
  endDrain(): void
  kill(): void
}

/**
 * Starts a gateway on routes that a store holds, and waits until it is ready.
 * @param isReady asks it, where that takes more than plain HTTP
 */
export async function startGatewayProcess(
  store: Store,
  settings: Readonly<Record<string, string>> = {},
  isReady = async (address: string): Promise<boolean> => (await fetch(`${address}/v2/health/ready`)).ok,
): Promise<GatewayProcess> {
  const port = settings.SLIPWAY_GATEWAY_PORT ?? String(await getPort())
  const settingsOfStore = await bucketSettings({ store, endpoint: store.address.replace(/\/[^/]+$/, '') })
  const child: ChildProcess = spawn(process.execPath, [join(packageRoot, 'dist/gateway.js')], {
    stdio: 'ignore',
    env: {
      ...process.env,
      SLIPWAY_ROOT: mkdtempSync(join(tmpdir(), 'slipway-gateway-')),
      ...settingsOfStore,
      SLIPWAY_GATEWAY_PORT: port,
      ...settings,
    },
  })
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const address = `http://127.0.0.1:${port}`
  await eventually(() => isReady(address).catch(() => false))
  return {
    address,
    port: Number(port),
    pid: child.pid ?? 0,
    stop() {
      child.kill('SIGTERM')
      return ended
    },
    endDrain: () => void child.kill('SIGINT'),
    kill: () => void child.kill('SIGKILL'),
  }
}
