import { writeFileSync } from 'node:fs'
import { fixZone } from '../workers/fixed-zone.ts'
import { findRoot } from '../workers/root.ts'
import { serveUntilStopped } from '../workers/serve-until-stopped.ts'
import { openConsole } from './start.ts'

fixZone()

const { SLIPWAY_CONSOLE_PORT: port, SLIPWAY_CONSOLE_HOST: host, SLIPWAY_CONSOLE_ADDRESS: address } = process.env

await serveUntilStopped(
  'the console',
  () => openConsole({ root: findRoot(), host: host ?? '127.0.0.1', port: Number(port ?? 8082), address }),
  (started) => {
    console.error(`the console answers at ${started.address}`)
    const readyFile = process.env.SLIPWAY_READY_FILE
    if (readyFile !== undefined)
      writeFileSync(readyFile, JSON.stringify({ pid: process.pid, address: started.address }), { mode: 0o600 })
  },
)
