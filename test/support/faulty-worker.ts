import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DefaultLogger, Runtime } from '@temporalio/worker'
import { readSettings } from '../../workers/settings.ts'
import { createWorker } from '../../workers/worker.ts'

/*
 * A real worker that kills itself (SIGKILL: no clean-up, no good-bye) once in every activity: KILL_WHEN=during in the
 * middle of its work, KILL_WHEN=after when the work took effect but before Temporal hears of it. KILL_FOLDER/died
 * remembers where it died already, KILL_FOLDER/ran which activities there were.
 */
Runtime.install({ logger: new DefaultLogger('ERROR'), telemetryOptions: { logging: { forward: {}, filter: 'ERROR' } } })
const folder = process.env.KILL_FOLDER

if (folder !== undefined) for (const name of ['ran', 'died']) mkdirSync(join(folder, name), { recursive: true })

function dieOnce(activity: string, when: 'during' | 'after'): void {
  if (folder === undefined || when !== process.env.KILL_WHEN || existsSync(join(folder, 'died', activity))) return
  writeFileSync(join(folder, 'died', activity), '')
  process.kill(process.pid, 'SIGKILL')
}

const worker = await createWorker(readSettings(), {
  interceptors: {
    activity: [
      ({ info }) => ({
        inbound: {
          async execute(input, next) {
            if (folder !== undefined) writeFileSync(join(folder, 'ran', info.activityType), '')
            const during = setTimeout(() => dieOnce(info.activityType, 'during'), 60)
            const result = await next(input)
            clearTimeout(during)
            dieOnce(info.activityType, 'after')
            return result
          },
        },
      }),
    ],
  },
})
await worker.run()
