import { writeFileSync } from 'node:fs'
import { DefaultLogger, Runtime } from '@temporalio/worker'
import { SlipwayError } from '../lib/formats/errors.ts'
import { fixZone } from './fixed-zone.ts'
import { readSettings } from './settings.ts'
import { createWorker } from './worker.ts'

fixZone()

Runtime.install({ logger: new DefaultLogger('INFO') })

try {
  const worker = await createWorker(readSettings())
  const readyFile = process.env.SLIPWAY_READY_FILE
  if (readyFile !== undefined) writeFileSync(readyFile, JSON.stringify({ pid: process.pid }), { mode: 0o600 })
  // Runs until SIGTERM or SIGINT, then lets what is running finish or be handed on.
  await worker.run()
  process.exit(0)
} catch (error) {
  if (!(error instanceof SlipwayError)) throw error
  console.error(
    `${error.code}: ${error.message}${error.facts.next === undefined ? '' : `\n  next: ${error.facts.next}`}`,
  )
  process.exit(error.exitCode)
}
